"""Reading how short a machine is of cores and memory, from files made for the purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_orchestra.running.gauge import Gauge
from pytest_orchestra.scheduling.pressure import Strain

MB: Final = 1 << 20
STALL: Final = (
    "some avg10={} avg60=9.00 avg300=9.00 total=9\nfull avg10=1.00 avg60=1.00 avg300=1.00 total=1\n"
)
MACHINE: Final = {
    "proc/pressure/cpu": STALL.format("12.50"),
    "proc/pressure/memory": STALL.format("3.00"),
    "proc/loadavg": "6.00 5.00 4.00 1/100 1234\n",
    "proc/meminfo": "MemTotal:       1048576 kB\nMemFree:  1 kB\nMemAvailable:    524288 kB\n",
    "sys/devices/system/cpu/online": "0-2,5\n",
}


def made(root: Path, **files: str) -> Gauge:
    """Return a gauge of a machine with ``files`` besides, their slashes written as ``__``."""
    for name, text in (MACHINE | {key.replace("__", "/"): files[key] for key in files}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Gauge(root)


def test_a_machine(tmp_path: Path) -> None:
    """The kernel's averages of ten seconds, tasks for each core, and bytes."""
    assert made(tmp_path).read() == Strain(12.5, 1.5, 3.0, 512 * MB, 1024 * MB)


def test_a_control_group_with_a_limit(tmp_path: Path) -> None:
    """What the group may use counts if that is tighter, files that can be dropped do not count as used."""
    group = {
        "memory.max": f"{200 * MB}\n",
        "memory.current": f"{180 * MB}\n",
        "memory.stat": f"anon 5\ninactive_file {10 * MB}\n",
        "memory.pressure": STALL.format("40.00"),
        "cpu.pressure": STALL.format("2.00"),
    }
    files = {f"sys__fs__cgroup__ci__{name}": text for name, text in group.items()}
    strain = made(tmp_path, proc__self__cgroup="0::/ci\n", **files).read()
    assert strain == Strain(12.5, 1.5, 40.0, 30 * MB, 200 * MB)


def test_a_control_group_of_version_1(tmp_path: Path) -> None:
    """Its files have other names."""
    group = {
        "memory.limit_in_bytes": f"{200 * MB}\n",
        "memory.usage_in_bytes": f"{250 * MB}\n",
        "memory.stat": "total_inactive_file 0\n",
    }
    files = {f"sys__fs__cgroup__memory__ci__{name}": text for name, text in group.items()}
    strain = made(tmp_path, proc__self__cgroup="4:memory:/ci\n", **files).read()
    assert (strain.available, strain.total) == (0, 200 * MB)


def test_limits_that_limit_nothing(tmp_path: Path) -> None:
    """A group that may use more than there is, or anything, is the machine."""
    files = {
        "sys__fs__cgroup__memory.max": "max\n",
        "sys__fs__cgroup__memory__memory.limit_in_bytes": "9223372036854771712\n",
        "sys__fs__cgroup__memory__memory.usage_in_bytes": "1\n",
    }
    strain = made(tmp_path, proc__self__cgroup="0::/\n4:memory:/\n", **files).read()
    assert (strain.available, strain.total) == (512 * MB, 1024 * MB)


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    """What is not there, or makes no sense, is not known."""
    assert Gauge(tmp_path).read() == Strain()
    nonsense = dict.fromkeys((name.replace("/", "__") for name in MACHINE), "some nonsense\n")
    assert made(tmp_path, **nonsense).read() == Strain()


def test_this_machine() -> None:
    """The real one can be read as often as one likes."""
    gauge = Gauge()
    first, second = gauge.read(), gauge.read()
    assert first.total == second.total
    assert first.memory_left is None or 0.0 <= first.memory_left <= 1.0
    assert first.load is None or first.load >= 0.0
