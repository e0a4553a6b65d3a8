"""What a test cost the machine."""

from __future__ import annotations

from typing import Final, TypeAlias

#: CPU time in seconds, peak memory and memory used in bytes; None for what is not known.
#:
#: The time is of the process that ran the test, all its threads, and of subprocesses that were
#: waited for. The peak is the most that this process had in use, with the largest subprocess;
#: used is by how much that exceeds what the process had in use before. A plain tuple, since one
#: is made for every test and travels between processes.
Usage: TypeAlias = tuple[float | None, int | None, int | None]

#: Nothing is known.
UNKNOWN: Final[Usage] = (None, None, None)
