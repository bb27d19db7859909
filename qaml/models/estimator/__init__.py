"""An object with scikit-learn's methods as a classifier."""
