"""Which host this process runs on, and what of it may be used.

Read from files of a few bytes, without starting anything: every worker does it. The probe of a
host does it there too, before there are workers.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_orchestra.model.host import Host

#: The environment variable that gives this host another name.
NAME_VARIABLE: Final = "PYTEST_ORCHESTRA_HOST"

#: What tells apart machines of one name: an id of the installation, and one of the kernel that
#: runs. The first is copied with disks, the second is shared by containers.
_IDS: Final = ("etc/machine-id", "proc/sys/kernel/random/boot_id")

#: Where limits stand, for version 2 of control groups, and for version 1 by controller.
_MEMORY_LIMITS: Final = ("memory.max", "memory.limit_in_bytes")
_CGROUPS: Final = "sys/fs/cgroup"


def read_host(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> Host:
    """Return the host of this process; its files are looked for below ``root``."""
    name = environ.get(NAME_VARIABLE, "").strip() or platform.node() or "localhost"
    ids = [read_quietly(root / path) for path in _IDS]
    groups = list(control_groups(root))
    return Host(name, "/".join([name, *filter(None, ids)]), _cpus(groups), _memory(groups))


def _cpus(groups: list[Path]) -> int:
    """Return the cores that this process may use: whole ones, and at least one."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    cpus = len(allowed) or os.cpu_count() or 1
    shares = [share for group in groups if (share := _share(group)) is not None]
    return max(1, int(min([float(cpus), *shares])))


def _share(group: Path) -> float | None:
    """Return how many cores a control group may keep busy, None for any number."""
    quota, _, period = read_quietly(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = (
            read_quietly(group / "cpu.cfs_quota_us"),
            read_quietly(group / "cpu.cfs_period_us"),
        )
    if not quota.isdecimal() or not period.isdecimal() or period == "0":
        return None  # "max" and "-1" set no limit
    return int(quota) / int(period)


def _memory(groups: list[Path]) -> int | None:
    """Return the bytes that this process may use: the smallest limit, or what is built in."""
    limits = [
        int(text)
        for group in groups
        for name in _MEMORY_LIMITS
        if (text := read_quietly(group / name)).isdecimal()
    ]
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not everywhere
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def control_groups(root: Path) -> Iterator[Path]:
    """Yield the directories of this process's control groups, and those of the groups around."""
    for line in read_quietly(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            mount = root / _CGROUPS
        elif {"memory", "cpu"} & set(controllers.split(",")):
            mount = root / _CGROUPS / controllers
        else:
            continue
        inner = mount / path.lstrip("/")
        # In a container the path may be the outer one, which is not there.
        for group in (inner, *inner.parents):
            if group.is_relative_to(mount) and group.is_dir():
                yield group


def read_quietly(path: Path) -> str:
    """Return the text of a small file without blanks around it; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""
