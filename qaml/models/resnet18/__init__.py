"""ResNet18 (He et al. 2016)."""
