"""Settings of all tests."""

from hypothesis import settings

# a deadline measures the machine and its load, not the code
settings.register_profile("qaml", deadline=None)
settings.load_profile("qaml")
