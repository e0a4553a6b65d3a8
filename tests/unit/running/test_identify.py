"""Reading a machine's identity and limits from a file system made for the purpose."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from pytest_orchestra.running.identify import read_host


def made(root: Path, files: dict[str, str]) -> Path:
    """Write files below ``root`` and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


IDS = {"etc/machine-id": "abc\n", "proc/sys/kernel/random/boot_id": "0-1-2\n"}


def test_this_machine() -> None:
    """The real one has a name, at least one core, and memory."""
    host = read_host({})
    assert host.name == platform.node()
    assert host.key.startswith(host.name)
    assert 1 <= host.cpus <= (os.cpu_count() or 1)
    assert host.memory is not None
    assert host.memory > 1_000_000
    assert read_host({}) == host


def test_the_key_is_made_of_all_that_tells_machines_apart(tmp_path: Path) -> None:
    """Another name, installation or kernel is another host."""
    keys = {
        read_host({"PYTEST_ORCHESTRA_HOST": name}, made(tmp_path / str(number), files)).key
        for number, (name, files) in enumerate(
            [
                ("a", IDS),
                ("b", IDS),
                ("a", {**IDS, "etc/machine-id": "abd"}),
                ("a", {**IDS, "proc/sys/kernel/random/boot_id": "0-1-3"}),
                ("a", {}),
            ]
        )
    }
    assert len(keys) == 5


@pytest.mark.parametrize("written", ["", "  "])
def test_an_empty_name_is_none(written: str, tmp_path: Path) -> None:
    """A variable that is set to nothing names nothing."""
    assert read_host({"PYTEST_ORCHESTRA_HOST": written}, tmp_path).name == platform.node()


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n"}, None, 4096),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/memory.max": "8192\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            },
            1,
            8192,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/outer/path\n4:cpu,cpuacct:/x\n1:name=systemd:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "2048\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "20000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            },
            1,
            2048,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/x\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            None,
            None,
        ),
        ({"proc/self/cgroup": "nonsense\n"}, None, None),
        ({}, None, None),
    ],
    ids=["v2", "v2 from around", "v1", "v1 without limits", "nonsense", "nothing"],
)
def test_limits_of_control_groups(
    files: dict[str, str], cpus: int | None, memory: int | None, tmp_path: Path
) -> None:
    """The narrowest limit counts, whichever group sets it; without any, what is built in."""
    real = read_host({}, tmp_path / "empty")
    host = read_host({}, made(tmp_path, files))
    assert host.cpus == (real.cpus if cpus is None else cpus)
    assert host.memory == (real.memory if memory is None else memory)
