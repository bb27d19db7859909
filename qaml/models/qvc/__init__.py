"""The quantum variational classifier of West et al. 2022."""
