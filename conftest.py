"""This repository's own pytest settings: the plugin's tests run pytest inside pytest."""

pytest_plugins = ["pytester"]
