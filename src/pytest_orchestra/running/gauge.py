"""Reads how short of cores and memory the machine is, or the control group that we are in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pytest_orchestra.running.identify import control_groups, read_quietly
from pytest_orchestra.scheduling.pressure import Strain

#: Where it says how much of the last ten seconds some task has waited, in per cent.
_STALL: Final = re.compile(r"^some avg10=([\d.]+)", re.MULTILINE)

#: Limit, use, and what of that is files that may be dropped, in version 2 of control groups and in 1.
_GROUP_FILES: Final = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


class Gauge:
    """Reads a few files of the kernel; what is not there, or makes no sense, is not known."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root: Final = root
        groups = tuple(control_groups(root))
        self._stalls: Final = {
            resource: tuple(_readable(root, groups, resource)) for resource in ("cpu", "memory")
        }
        self._limits: Final = tuple(self._limited(groups))
        self._cores: Final = _count(read_quietly(root / "sys/devices/system/cpu/online"))

    def read(self) -> Strain:
        """Return what there is to bear at the moment."""
        available, total = min(
            self._memories(), key=lambda each: each[0] / each[1], default=(None, None)
        )
        return Strain(
            cpu_stall=self._stall("cpu"),
            load=self._load(),
            memory_stall=self._stall("memory"),
            available=available,
            total=total,
        )

    def _stall(self, resource: str) -> float | None:
        found = [_STALL.search(read_quietly(file)) for file in self._stalls[resource]]
        return max((float(each[1]) for each in found if each is not None), default=None)

    def _load(self) -> float | None:
        text = read_quietly(self._root / "proc/loadavg").partition(" ")[0]
        return float(text) / self._cores if self._cores and _is_number(text) else None

    def _memories(self) -> Iterator[tuple[int, int]]:
        """Yield available and total bytes, of the machine and of each group that has a limit."""
        total, available = self._machine()
        if total and available is not None:
            yield available, total
        for group, most, use, droppable in self._limits:
            used = read_quietly(group / use)
            if used.isdecimal():
                files = _table(read_quietly(group / "memory.stat")).get(droppable, 0)
                yield max(0, most - int(used) + files), most

    def _machine(self) -> tuple[int, int | None]:
        """Return the bytes that there are, and those that are available."""
        table = _table(read_quietly(self._root / "proc/meminfo"))
        available = table.get("MemAvailable:")
        return table.get("MemTotal:", 0) * 1024, None if available is None else available * 1024

    def _limited(self, groups: Iterable[Path]) -> Iterator[tuple[Path, int, str, str]]:
        """Yield the groups with less memory than the machine has, their limit, and what to read of them."""
        total = self._machine()[0]
        for group in groups:
            for limit, use, droppable in _GROUP_FILES:
                most = read_quietly(group / limit)
                if most.isdecimal() and 0 < int(most) < (total or int(most) + 1):
                    yield group, int(most), use, droppable


def _readable(root: Path, groups: Iterable[Path], resource: str) -> Iterator[Path]:
    files = (root / "proc/pressure" / resource, *(each / f"{resource}.pressure" for each in groups))
    return (file for file in files if read_quietly(file))


def _count(ranges: str) -> int:
    """Count what is listed like ``0-3,6``; 0 if it is not."""
    found = 0
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return 0
        found += int(last or first) - int(first) + 1
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None


def _table(text: str) -> dict[str, int]:
    """Return the first number after each word at the beginning of a line."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
