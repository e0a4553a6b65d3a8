"""The ways to run a suite that are compared."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from benchmarks.measure import Command


class Kind(Enum):
    """Whose way of running tests it is."""

    PLAIN = "plain"
    XDIST = "xdist"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to run a suite; ``dist`` is what xdist is told, where it is told anything."""

    name: str
    kind: Kind
    dist: str = ""

    def options(self, workers: int) -> tuple[str, ...]:
        """Return the options that make pytest run in this mode.

        The other modes run as if the project were not installed.
        """
        match self.kind:
            case Kind.PLAIN:
                return ("-p", "no:orchestra", "-p", "no:xdist", "-p", "no:xdist.looponfail")
            case Kind.XDIST:
                return ("-p", "no:orchestra", "-n", str(workers), "--dist", self.dist)
            case Kind.OURS:
                return ("--orchestrate", "-n", str(workers))


PLAIN: Final = Mode("plain", Kind.PLAIN)
#: ``loadgroup`` is not ``load``, even where nothing is grouped: it sends single tests.
XDIST: Final = tuple(
    Mode(dist, Kind.XDIST, dist)
    for dist in ("load", "loadscope", "loadfile", "loadgroup", "worksteal")
)
OURS: Final = Mode("orchestrate", Kind.OURS)
MODES: Final = {mode.name: mode for mode in (PLAIN, *XDIST, OURS)}

#: The same for every mode. The cache plugin is off, for it writes a file of all node ids.
COMMON: Final = ("-q", "-p", "no:cacheprovider")

#: Plugins that are compared; all others that happen to be installed are switched off.
COMPARED: Final = frozenset({"xdist", "xdist.looponfail", "orchestra"})

#: What the orchestra remembers under the root directory.
MEMORY: Final = ".pytest_orchestra"


def here() -> tuple[str, ...]:
    """Return a command for pytest in this environment, without other plugins than compared."""
    strangers = sorted({each.name for each in entry_points(group="pytest11")} - COMPARED)
    return (
        sys.executable,
        "-m",
        "pytest",
        *(option for name in strangers for option in ("-p", f"no:{name}")),
    )


def make_command(  # noqa: PLR0913 - each is a different thing that a run depends on
    mode: Mode,
    folder: Path,
    *,
    pytest: Sequence[str],
    workers: int,
    tests: Sequence[str] = (),
    name: str = "",
    expected: frozenset[int] = frozenset({0}),
) -> Command:
    """Return the command that runs ``tests`` (all, if none) of the suite in ``folder``.

    ``pytest`` is how pytest is started. Every run is a first run: what the orchestra remembers
    of the last one is removed before.
    """
    return Command(
        name or mode.name,
        (*pytest, *COMMON, *mode.options(workers), *tests),
        folder,
        prepare=forgetting(folder),
        expected=expected,
    )


def forgetting(folder: Path) -> Callable[[], None]:
    """Return what removes the orchestra's memory of earlier runs in ``folder``."""
    return lambda: shutil.rmtree(folder / MEMORY, ignore_errors=True)
