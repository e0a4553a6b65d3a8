"""What all tests of this project share: fixtures for runs of pytest, and for made-up items."""

pytest_plugins = ["pytester", "harness", "machines", "standins"]
