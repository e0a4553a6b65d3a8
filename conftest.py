"""What all tests of this project share."""

pytest_plugins = ["pytester"]
