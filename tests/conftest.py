"""Settings of all tests."""

import os

from hypothesis import settings

# Two threads wait for each other by spinning, longer than such small tensors take: five times the time of the attacks'
# tests on a loaded machine. Cores are for pytest's workers; tests of threads ask for theirs.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a deadline measures the machine and its load, not the code
settings.register_profile("qaml", deadline=None)
settings.load_profile("qaml")
