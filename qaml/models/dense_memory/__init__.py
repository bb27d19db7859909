"""Dense associative memories as classifiers."""
