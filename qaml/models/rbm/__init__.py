"""The restricted Boltzmann machine as a classifier (Kehoe et al. 2021)."""
