"""The command ``pytest-orchestra``: what one asks when no test is to run."""
