"""How JUnit files are written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: GitLab takes 30 MB a file; some room is left for what stands around the cases.
MOST_BYTES: Final = 29_900_000


class Dialect(StrEnum):
    """``SUPERSET``: all that readers understand. ``SUREFIRE``: what the XSD of Maven's Surefire allows."""

    SUPERSET = "superset"
    SUREFIRE = "surefire"


@dataclass(frozen=True, slots=True)
class JunitOptions:
    """``most_cases`` and ``most_bytes`` may be in one file; None: as many as there is room for."""

    dialect: Dialect = Dialect.SUPERSET
    most_cases: int | None = None
    most_bytes: int = MOST_BYTES
