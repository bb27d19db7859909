"""The common base of defences that change a classifier's inputs."""
