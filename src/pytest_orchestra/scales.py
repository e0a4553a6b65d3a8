"""Whether this run chooses how many workers it has; apart, since it is asked for before all else."""

from __future__ import annotations

from typing import Final

import pytest

#: Whether ``-n auto`` was asked for.
SCALES: Final[pytest.StashKey[bool]] = pytest.StashKey()
