"""Machines for tests: network namespaces with a host name, a machine id and an sshd of their own.

They share this machine's kernel and files, and nothing else that a test run could notice: they
are reached over a network, and gone when their processes are killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from harness import clean_environment

#: Seconds that a machine has to start.
PATIENCE: Final = 120.0

#: So many test runs may have networks at a time.
NETWORKS: Final = 250

#: Where Debian's sshd wants an empty directory of its own.
_PRIVILEGE_SEPARATION: Final = Path("/run/sshd")

_TOOLS: Final = ("ip", "unshare", "nsenter", "setpriv", "ssh", "ssh-keygen")

#: Has the kernel kill what follows when the process dies that started it.
_UNTIL_WE_DIE: Final = ("setpriv", "--pdeathsig", "KILL")

#: Starts sshd as a machine: its name, the file with its machine id, and sshd's own arguments.
_BOOT: Final = """
hostname "$1"
if [ -e /etc/machine-id ]; then mount --bind "$2" /etc/machine-id; fi
ip link set lo up
shift 2
exec "$@"
"""


class Machine:
    """One machine, reached with ``ssh=NAME//ssh_config=FILE``."""

    def __init__(self, name: str, network: Network, number: int) -> None:
        self.name = name
        self._number = number
        self._network = network
        self._namespace = f"orchestra-{network.number}-{name}"
        prefix = f"10.231.{network.number}"
        self._here, self.address = f"{prefix}.{4 * number + 1}", f"{prefix}.{4 * number + 2}"
        self._link = f"orchestra{network.number}-{number}"
        self._process: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Make the network, and start sshd."""
        _run("ip", "netns", "add", self._namespace)
        peer = ("peer", "name", "eth0", "netns", self._namespace)
        _run("ip", "link", "add", self._link, "type", "veth", *peer)
        _run("ip", "addr", "add", f"{self._here}/30", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        inside = ("ip", "-n", self._namespace)
        _run(*inside, "addr", "add", f"{self.address}/30", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        machine_id = self._network.folder / f"{self.name}.id"
        machine_id.write_text(f"{self._network.number:016x}{self._number:016x}\n")
        sshd = (str(self._network.sshd), "-D", "-f", str(self._network.server_config))
        boot = ("sh", "-c", _BOOT, "sh", self.name, str(machine_id))
        self._process = self.execute("unshare", "--uts", "--mount", *boot, *sshd)
        self.wait_for(22)

    def execute(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in the machine's network, which ends with this process if not before."""
        process = subprocess.Popen(  # noqa: S603 - the test's own
            [*_UNTIL_WE_DIE, "ip", "netns", "exec", self._namespace, *command],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._others.append(process)
        return process

    def wait_for(self, port: int) -> None:
        """Wait until somebody listens on ``port`` there."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((self.address, port), timeout=1.0).close()
            except OSError:
                assert time.monotonic() < end, f"{self.name} does not listen on {port}"
                time.sleep(0.02)
            else:
                return

    @property
    def spec(self) -> str:
        """How xdist is told to start workers here, but for the directory."""
        return f"ssh={self.name}//ssh_config={self._network.client_config}//python={sys.executable}"

    @property
    def inside(self) -> str:
        """How xdist is told to start workers here without ssh."""
        assert self._process is not None
        spaces = f"/proc/{self._process.pid}/ns"
        enter = f"nsenter --net={spaces}/net --uts={spaces}/uts --mount={spaces}/mnt"
        return f"popen//python={enter} {sys.executable}"

    def disconnect(self) -> None:
        """Kill the processes of all connections; the next one succeeds."""
        assert self._process is not None
        _kill(pid for pid in _descendants(self._process.pid) if pid != self._process.pid)

    def vanish(self) -> None:
        """Kill everything that runs here: nobody answers any more."""
        for process in self._others:
            _kill(_descendants(process.pid))
            process.wait()
        self._others.clear()
        self._process = None

    def unplug(self) -> None:
        """Cut the cable: whatever is sent there is lost without a word."""
        _run("ip", "-n", self._namespace, "link", "set", "eth0", "down")

    def stop(self) -> None:
        """Leave nothing behind."""
        self.vanish()
        for what in (("link", "delete", self._link), ("netns", "delete", self._namespace)):
            _try("ip", *what)  # it may never have been made


class Network:
    """Keys and configuration, and the machines that are reached with them."""

    def __init__(self, folder: Path, sshd: Path) -> None:
        self.folder = folder
        self.sshd = sshd
        self.server_config = folder / "sshd_config"
        self.client_config = folder / "ssh_config"
        self.machines: dict[str, Machine] = {}
        self.number = _claim_number()
        for key in ("host_key", "user_key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        # What the harness gives to pytest here, and what is in nobody's environment there.
        given = {
            name: value
            for name, value in clean_environment().items()
            if name in ("PYTHONPATH", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        }
        self.server_config.write_text(
            f"HostKey {folder}/host_key\n"
            f"AuthorizedKeysFile {folder}/user_key.pub\n"
            "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin yes\n"
            "MaxStartups 100\n"  # many workers call at once, and on a slow machine for long
            f"SetEnv {' '.join(f'{name}={value}' for name, value in given.items())}\n"
        )
        self.client_config.write_text("")

    def start(self, name: str, *aliases: str) -> Machine:
        """Start a machine, also known to ssh by ``aliases``."""
        machine = self.machines[name] = Machine(name, self, len(self.machines))
        with self.client_config.open("a") as file:
            file.write(
                f"Host {' '.join((name, *aliases))}\n"
                f"  HostName {machine.address}\n  User root\n"
                f"  IdentityFile {self.folder}/user_key\n  IdentitiesOnly yes\n"
                f"  UserKnownHostsFile {self.folder}/known_hosts\n"
                "  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n"
            )
        machine.start()
        return machine

    def stop(self) -> None:
        """Stop all machines."""
        for machine in self.machines.values():
            machine.stop()
        _run("ip", "netns", "delete", f"orchestra-{self.number}")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Make a network without machines, or skip the test where that is not possible."""
    reason = _why_not()
    if reason is not None:
        pytest.skip(f"no machines can be made here: {reason}")
    folder = tmp_path / "network"
    folder.mkdir(mode=0o700)
    network = Network(folder, _sshd() or Path())
    try:
        yield network
    finally:
        network.stop()


def _claim_number() -> int:
    """Return a number that no other network on this machine has, by making a namespace for it."""
    for number in range(NETWORKS):
        if not _try("ip", "netns", "add", f"orchestra-{number}").returncode:
            return number
    raise AssertionError("killed test runs have left namespaces: ip netns delete orchestra-0 ...")


def _why_not() -> str | None:
    """Return what is lacking for machines."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "this takes root on Linux"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or _sshd() is None:
        return f"not installed: {', '.join(missing or ['sshd'])}"
    name = f"orchestra-{os.getpid()}-try"
    tried = _try("ip", "netns", "add", name)
    if tried.returncode:
        return f"ip netns: {tried.stderr.strip()}"
    _run("ip", "netns", "delete", name)
    _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    return None


def _sshd() -> Path | None:
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the test's own


def _try(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603


def _descendants(pid: int) -> list[int]:
    """Return ``pid`` and all processes below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it ended meanwhile
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:  # which grows
        found += parents.get(each, [])
    return found


def _kill(pids: Iterator[int] | list[int]) -> None:
    for pid in list(pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
