"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

#: Releases without which a measurement cannot be understood.
RELEASES: Final = ("pytest", "pytest-xdist", "pytest-orchestra")


@dataclass(frozen=True, slots=True)
class Machine:
    """The interpreter, the releases and the processors; ``load`` is the mean of the last minute.

    A load above zero before the benchmark starts is somebody else's work, and noise.
    """

    python: str
    releases: dict[str, str]
    system: str
    cores: int
    load: float

    @classmethod
    def this(cls) -> Machine:
        """Return what is true here and now."""
        return cls(
            python=f"{platform.python_implementation()} {platform.python_version()}",
            releases={name: version(name) for name in RELEASES},
            system=f"{platform.system()} {platform.machine()}",
            cores=len(os.sched_getaffinity(0)),
            load=round(os.getloadavg()[0], 2),
        )

    def __str__(self) -> str:
        releases = ", ".join(f"{name} {number}" for name, number in self.releases.items())
        return (
            f"{self.python}, {releases}; {self.system}, {self.cores} cores, "
            f"load {self.load:.1f} at the start"
        )
