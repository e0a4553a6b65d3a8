"""What all tests of this project share: fixtures for runs of pytest, and for made-up items."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "harness", "machines", "standins"]

# How long an example takes, or making some, says more of what else the machine does than of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
