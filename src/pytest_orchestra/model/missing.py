"""What becomes of a case whose prerequisite was deselected."""

from __future__ import annotations

from enum import StrEnum


class Missing(StrEnum):
    """``PULL`` selects the prerequisite again, ``RUN`` runs the case without, ``SKIP`` skips it."""

    PULL = "pull"
    RUN = "run"
    SKIP = "skip"
