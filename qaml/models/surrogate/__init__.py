"""A small network that imitates another classifier, for attacks that transfer."""
