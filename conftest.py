"""What all tests of this project share: fixtures for runs of pytest, and for made-up items."""

from hypothesis import settings

pytest_plugins = ["pytester", "harness", "machines", "standins"]

# How long an example takes says more of what else the machine does than of what it tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
