"""Workers on several hosts, for real: see ``machines.py``."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest
from harness import FAILED, INTERRUPTED, PASSED, USAGE, Project, Result
from machines import Machine, Network

#: What the engine must know for tests to be placed by what each host has.
CAPACITIES: Final = """
    [tool.pytest_orchestra.resources]
    gpu = { capacity = 1, scope = "host" }

    [tool.pytest_orchestra.hosts."gpu-box"]
    gpu = 4

    [tool.pytest_orchestra.hosts."right"]
    gpu = 0
"""

TESTS: Final = 24

#: Every worker gets a test, and is busy when something breaks; the last tests begin after that.
MANY = f"""
    import pathlib, pytest
    from witness import wait_until
    @pytest.mark.parametrize("number", range({TESTS}))
    def test_many(number):
        wait_until(pathlib.Path("broken").exists, "something to break")
"""


def tx(project: Project, *specs: str) -> list[str]:
    """Return options for workers that work in the project; ``popen`` alone is there already."""
    there = f"//chdir={project.path}//env:WITNESS={project.path}/witness.jsonl"
    whole = [spec if spec.endswith("popen") else spec + there for spec in specs]
    return ["--dist=load", *(f"--tx={spec}" for spec in whole)]


def places(result: Result) -> dict[str, list[str]]:
    """Return the names of the machines on which each test began."""
    found: dict[str, list[str]] = {}
    for entry in result.of("began"):
        found.setdefault(entry["nodeid"], []).append(entry["host"])
    return found


def used(result: Result) -> list[str]:
    """Return the names of the machines, as often as tests began there."""
    return [entry["host"] for entry in result.of("began")]


def check_lost_nothing(result: Result, expected: int) -> None:
    """Assert that every test has one verdict, and that all but those in flight passed."""
    __tracebackhide__ = True
    counts = Counter(result.verdicts.values())
    assert len(result.cases) == expected
    assert counts["passed"] + counts["failed"] == expected
    assert counts == result.counts
    for report in result.reports():
        if report["outcome"] == "failed":
            assert re.search(r"worker 'gw\d+' crashed while running", report["text"])


# who is who


def test_three_hosts(project: Project, network: Network) -> None:
    """A run uses this machine, one over ssh and one over nsenter side by side, and names them."""
    left, right = network.start("left"), network.start("right")
    project.configure()
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(3))
        def test_meet(number, meet): meet("all", 3)
        """,
    )
    result = project.orchestrate(*tx(project, "popen", left.spec, right.inside))
    assert result.code == PASSED
    here = platform.node()
    assert result.lines(rf"^orchestra: 3 hosts: {here} \(gw0\), left \(gw1\), right \(gw2\)$")
    assert sorted(used(result)) == sorted([here, "left", "right"])


def test_two_ways_to_one_host(project: Project, network: Network) -> None:
    """Workers of one machine are of one host, however they are reached."""
    left = network.start("left", "alias")
    project.write("test_a", "def test_a(): pass")
    alias = left.spec.replace("ssh=left", "ssh=alias")
    result = project.orchestrate(*tx(project, f"2*{left.spec}", alias, left.inside, "popen"))
    assert result.code == PASSED
    (line,) = result.lines("^orchestra: 2 hosts: ")
    assert re.search(r" left \(gw\d, gw\d, gw\d, gw\d\)", line)


def test_two_hosts_of_one_name(project: Project, network: Network) -> None:
    """Machines of one name are told apart, and numbered as they stand on the command line."""
    left, right = network.start("left"), network.start("right")
    project.write("test_a", "def test_a(): pass")
    name = "//env:PYTEST_ORCHESTRA_HOST=box"
    result = project.orchestrate(*tx(project, right.spec + name, left.spec + name))
    assert result.code == PASSED
    assert result.lines(r"^orchestra: 2 hosts: box \(gw0\), box-2 \(gw1\)$")


def test_one_machine_under_two_names(project: Project) -> None:
    """``PYTEST_ORCHESTRA_HOST`` makes two hosts of one machine."""
    project.write("test_a", "def test_a(): pass")
    one, other = (f"popen//env:PYTEST_ORCHESTRA_HOST={name}" for name in ("one", "other"))
    result = project.orchestrate("--dist=load", f"--tx=2*{one}", f"--tx={other}")
    assert result.code == PASSED
    (line,) = result.lines("^orchestra: 2 hosts: ")
    assert re.search(r"one \(gw[01], gw[01]\)", line)
    assert "other (gw2)" in line


def test_workers_here_are_not_probed(project: Project) -> None:
    """Without other hosts nothing is loaded that is for them."""
    project.write("test_a", "def test_a(): pass")
    project.write(
        "conftest",
        """
        import sys
        def pytest_sessionfinish():
            names = ("calls", "inquiry", "probe", "rehire")
            assert not [n for n in names if f"pytest_orchestra.running.{n}" in sys.modules]
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    assert not result.lines("^orchestra: . hosts")


def test_through_a_proxy_and_a_socket(project: Project, network: Network) -> None:
    """``via=`` and ``socket=`` lead to hosts like everything else."""
    left, right = network.start("left"), network.start("right")
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_meet(number, meet): meet("all")
        """,
    )
    right.execute(sys.executable, "-m", "execnet.script.socketserver", f"{right.address}:8888")
    right.wait_for(8888)
    result = project.orchestrate(
        f"--px=id=door//{left.spec}",
        *tx(
            project,
            f"popen//via=door//python={sys.executable}",
            f"socket={right.address}:8888//env:PYTEST_ORCHESTRA_HOST=right",
        ),
    )
    assert result.code == PASSED
    assert result.counts == {"passed": 2}
    assert result.lines(r"^orchestra: 2 hosts: ")


# what is missing


def bare_python(folder: Path, *packages: str) -> Path:
    """Make a Python that has nothing but these packages; return its path."""
    subprocess.run(  # noqa: S603 - the interpreter that runs this test
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    for name in packages:
        (origin,) = [place for path in sys.path if path and (place := Path(path, name)).exists()][
            :1
        ]
        (site / name).symlink_to(origin)
    return folder / "bin" / "python"


PYTEST_ITSELF: Final = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "execnet")


def missing(result: Result, spec: str) -> tuple[str, str]:
    """Return what the usage error says of ``spec``, and what mends it."""
    lines = result.output.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith(f"--tx {spec}: ")]
    assert lines[place + 1].startswith("    ")
    return lines[place].removeprefix(f"--tx {spec}: "), lines[place + 1].strip()


def test_everything_that_is_missing_is_told_at_once(
    project: Project, network: Network, tmp_path: Path
) -> None:
    """One usage error has a line for each host, with what is missing there and what mends it."""
    machine = network.start("left")
    there = f"//chdir={project.path}"

    def over_ssh(python: Path | str, directory: str = there) -> str:
        return machine.spec.replace(f"//python={sys.executable}", f"//python={python}") + directory

    bare, no_plugin = bare_python(tmp_path / "a"), bare_python(tmp_path / "b", *PYTEST_ITSELF)
    old = bare_python(tmp_path / "c", *PYTEST_ITSELF, "xdist")
    (site,) = (tmp_path / "c").glob("lib/python*/site-packages")
    for folder in ("pytest_orchestra", "pytest_orchestra-0.0.1.dist-info"):
        (site / folder).mkdir()
    text = "Metadata-Version: 2.1\nName: pytest-orchestra\nVersion: 0.0.1\n"
    (site / "pytest_orchestra-0.0.1.dist-info" / "METADATA").write_text(text)
    specs = {
        "bare": over_ssh(bare),
        "no plugin": over_ssh(no_plugin),
        "old plugin": over_ssh(old),
        "no python": over_ssh("/no/python"),
        "not python": "popen//python=/bin/false",
        "no directory": over_ssh(sys.executable, "//chdir=/no/directory"),
        "other directory": over_ssh(sys.executable, f"//chdir={tmp_path}"),
        "nowhere": over_ssh(sys.executable, ""),
        "closed port": f"socket={machine.address}:9",
        "closed ssh": f"ssh=-p 9 {machine.address}{there}",
    }
    result = project.orchestrate("--dist=load", *(f"--tx=2*{spec}" for spec in specs.values()))
    assert result.code == USAGE
    assert result.lines(f"^ERROR: pytest-orchestra found {len(specs)} problems$")
    assert not result.spans
    found = {name: missing(result, spec) for name, spec in specs.items()}
    version = metadata.version("pytest-orchestra")
    for name, python in (("bare", bare), ("no plugin", no_plugin), ("old plugin", old)):
        assert found[name][1] == f"run there: {python} -m pip install pytest-orchestra=={version}"
    assert found["bare"][0].startswith(
        f"no execnet, no pytest, no pytest-orchestra, no pytest-xdist for {bare}"
    )
    assert found["no plugin"][0].startswith(f"no pytest-orchestra, no pytest-xdist for {no_plugin}")
    assert found["old plugin"][0].startswith(f"pytest-orchestra 0.0.1 for {old}")
    assert "/no/python" in found["no python"][0]
    assert found["not python"][0] == "no Python answers there (exit code 1)"
    assert found["no directory"][0] == "no directory /no/directory"
    assert found["other directory"][0] == f"no pyproject.toml in {tmp_path}"
    assert found["nowhere"][0] == "no directory is named for its workers"
    assert "//chdir=" in found["nowhere"][1]
    assert found["closed port"][0] == "cannot be reached: Connection refused"
    assert found["closed ssh"][0].startswith("cannot be reached: ssh: connect to host")
    assert not Path("/no").exists()


def test_another_python_here(project: Project, tmp_path: Path) -> None:
    """A Python that has nothing is told of, though its workers would look for plugins here."""
    bare = bare_python(tmp_path / "a")
    result = project.orchestrate("--dist=load", f"--tx=popen//python={bare}")
    assert result.code == USAGE
    assert missing(result, f"popen//python={bare}")[0].startswith(
        f"no execnet, no pytest for {bare}"
    )


def test_a_host_that_does_not_answer(project: Project, network: Network) -> None:
    """A host that swallows what is sent to it costs a limited time, and leaves no process."""
    machine = network.start("left")
    machine.unplug()
    project.write("conftest", "from pytest_orchestra.running import probe\nprobe.PATIENCE = 1.0\n")
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate(*tx(project, "popen", machine.spec))
    assert result.code == USAGE
    assert result.lines(r"^--tx ssh=left.*: (did not answer in time|cannot be reached: .*)$")
    config = str(network.client_config).encode()
    assert not [
        command for command in command_lines() if command.startswith(b"ssh\0") and config in command
    ]


def command_lines() -> Iterator[bytes]:
    """Yield the command of each process that runs now."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield path.read_bytes()


def test_a_proxy_that_is_not_there(project: Project) -> None:
    """A gateway of ``--px`` that cannot be reached is told before xdist goes through it."""
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate(
        "--px=id=door//popen//python=/bin/false", "--dist=load", "--tx=popen//via=door"
    )
    assert result.code == USAGE
    assert result.lines("^--px id=door//popen//python=/bin/false: no Python answers there")
    result = project.orchestrate("--dist=load", "--tx=popen//via=nobody")
    assert result.code == USAGE
    assert result.lines("^--tx popen//via=nobody: there is no gateway 'nobody' to go through$")


def test_a_path_on_the_command_line(project: Project) -> None:
    """Xdist cannot tell workers elsewhere a path of here; that is said, where it would crash."""
    project.write("test_a", "def test_a(): pass")
    spec = f"--tx=popen//chdir={project.path}"
    result = project.orchestrate("--dist=load", spec, "test_a.py")
    assert result.code == USAGE
    assert result.lines("^'test_a.py' on the command line is a path here, but not on other hosts$")


def test_a_project_that_is_copied(project: Project, network: Network, tmp_path: Path) -> None:
    """``--rsyncdir`` brings the project to a host that has none, if told which to collect."""
    left = network.start("left")
    (tmp_path / "copies").mkdir()
    project.configure(ini="filterwarnings = ['ignore:The --rsyncdir:DeprecationWarning']")
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_a(number):
            assert __file__.endswith("project/test_a.py")
        """,
    )
    spec = f"{left.spec}//chdir={tmp_path}/copies//env:WITNESS={project.path}/witness.jsonl"
    options = ("--dist=load", "--tx=popen", f"--tx={spec}", f"--rsyncdir={project.path}")
    result = project.orchestrate(*options)
    assert result.code == USAGE
    assert result.lines("^--rsyncdir: workers on other hosts would collect all that is copied")
    result = project.orchestrate(*options, str(project.path))
    assert result.code == PASSED
    assert result.counts == {"passed": 2}
    assert result.lines("^orchestra: 2 hosts: ")
    assert (tmp_path / "copies" / "project" / "test_a.py").exists()


# what breaks later


def start_and_break(
    project: Project, options: list[str], act: Callable[[], None], *, busy: int
) -> Result:
    """Run the project, and ``act`` when so many workers are busy, with a test that waits for it."""
    process = project.start("--orchestrate", *options)
    project.wait_until(lambda: len(project.seen("began")) >= busy)
    act()
    (project.path / "broken").touch()
    return project.finish(process)


def test_a_host_that_vanishes(project: Project, network: Network) -> None:
    """Tests that it was running have failed; all others run elsewhere, and it is not waited for."""
    left, right = network.start("left"), network.start("right")
    project.write("test_a", MANY)
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.depends("test_a.py", when="finished")
        def test_last(printed):
            for worker in ("gw1", "gw2"):
                printed(f"worker {worker} is not replaced")
        """,
    )
    options = tx(project, "popen", f"2*{left.spec}", right.inside)
    result = start_and_break(project, options, left.vanish, busy=4)
    assert result.code == FAILED
    check_lost_nothing(result, TESTS + 1)
    assert "INTERNALERROR" not in result.output
    assert Counter(result.verdicts.values())["failed"] == 2
    lost = result.lines(
        r"^orchestra: worker gw[12] is not replaced: ssh=left//.*: cannot be reached"
    )
    assert len(lost) == 2
    assert {"left", "right", platform.node()} == set(used(result))


def test_a_connection_that_breaks(project: Project, network: Network) -> None:
    """Workers whose host still answers are replaced there."""
    left = network.start("left")
    project.write("test_a", MANY)
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.depends("test_a.py", when="finished")
        @pytest.mark.parametrize("number", range(3))
        def test_meet(number, meet): meet("all", 3)
        """,
    )
    options = tx(project, "popen", f"2*{left.spec}")
    result = start_and_break(project, options, left.disconnect, busy=3)
    assert result.code == FAILED
    check_lost_nothing(result, TESTS + 3)
    assert not result.lines("is not replaced")
    assert {"gw3", "gw4"} <= {entry["worker"] for entry in result.of("began")}


def test_a_host_that_falls_silent(project: Project, network: Network) -> None:
    """When nothing comes through any more, ssh's own watch ends the wait for the host."""
    left = network.start("left")
    with network.client_config.open("a") as file:
        file.write("Host *\n  ServerAliveInterval 1\n  ServerAliveCountMax 3\n")
    project.write(
        "conftest", "from pytest_orchestra.running import rehire\nrehire.PATIENCE = 2.0\n"
    )
    project.write("test_a", MANY)
    result = start_and_break(project, tx(project, "popen", f"2*{left.spec}"), left.unplug, busy=3)
    assert result.code == FAILED
    check_lost_nothing(result, TESTS)


def test_the_only_host_vanishes(project: Project, network: Network) -> None:
    """With nobody left the run ends, and says why; what was not run is counted."""
    left = network.start("left")
    project.write("test_a", MANY)
    result = start_and_break(project, tx(project, f"2*{left.spec}"), left.vanish, busy=2)
    assert result.code == INTERRUPTED
    assert "INTERNALERROR" not in result.output
    counts = Counter(result.verdicts.values())
    assert counts["not run"] > 0
    assert counts.total() == TESTS
    assert result.lines(r"^not run: \d+ tests \(no worker is left, and none can be started")


def test_a_host_vanishes_while_workers_collect(project: Project, network: Network) -> None:
    """The run begins without it."""
    left = network.start("left")
    project.write(
        "conftest",
        """
        import os, pathlib, platform, time
        def pytest_collection():
            if platform.node() == "left":
                pathlib.Path("collecting").touch()
                time.sleep(600)
        """,
    )
    project.write("test_a", "def test_a(): pass")
    process = project.start("--orchestrate", *tx(project, "popen", left.spec))
    project.wait_until((project.path / "collecting").exists)
    left.vanish()
    result = project.finish(process)
    assert result.code == PASSED
    assert result.counts == {"passed": 1}
    assert result.lines("^orchestra: worker gw1 is not replaced: ")


def test_workers_that_never_get_ready_there(project: Project, network: Network) -> None:
    """Where workers die again and again they are given up, and the others run the tests."""
    left = network.start("left")
    project.write(
        "conftest",
        """
        import os, platform
        if platform.node() == "left":
            os._exit(3)
        """,
    )
    project.write("test_a", 'def test_a(printed): printed("worker gw4 is not replaced")')
    result = project.orchestrate(*tx(project, "popen", left.spec))
    assert result.code == PASSED
    assert result.counts == {"passed": 1}
    assert result.lines("^orchestra: worker gw4 is not replaced: .* die there again and again$")


# what goes where


def test_tests_land_only_where_their_claims_fit(project: Project, network: Network) -> None:
    """What a host has is its own: tests go where it is enough, and use no more than there is."""
    machines = [network.start("gpu-box"), network.start("right")]
    project.configure(CAPACITIES)
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.mark.resources(gpu=4)
        @pytest.mark.parametrize("number", range(3))
        def test_four(number): time.sleep(0.1)
        @pytest.mark.resources(gpu=1)
        @pytest.mark.parametrize("number", range(20))
        def test_one(number): time.sleep(0.1)
        @pytest.mark.parametrize("number", range(20))
        def test_none(number): time.sleep(0.1)
        """,
    )
    specs = ["2*popen", *(f"2*{machine.spec}" for machine in machines)]
    result = project.orchestrate(*tx(project, *specs))
    assert result.code == PASSED
    assert result.counts == {"passed": 43}
    here = platform.node()
    allowed = {"four": {"gpu-box"}, "one": {"gpu-box", here}, "none": {"gpu-box", here, "right"}}
    where = places(result)
    for nodeid, hosts in where.items():
        kind = re.search(r"test_(\w+)\[", nodeid)
        assert kind is not None
        assert set(hosts) <= allowed[kind[1]], nodeid
    ones = [nodeid for nodeid in where if "test_one" in nodeid and where[nodeid] == [here]]
    assert result.most_at_once(ones) <= 1
    there = [span for span in result.spans if where[span.nodeid] == ["gpu-box"]]
    for four in (span for span in there if "test_four" in span.nodeid):
        for other in (span for span in there if "test_none" not in span.nodeid):
            assert other is four or other.began >= four.ended or other.ended <= four.began


def test_a_claim_that_no_host_can_meet(project: Project, network: Network) -> None:
    """It is a usage error; capacities of several hosts do not add up."""
    machine = network.start("gpu-box")
    project.configure(CAPACITIES)
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.resources(gpu=5)
        def test_five(): pass
        """,
    )
    result = project.orchestrate(*tx(project, "popen", machine.spec))
    assert result.code == USAGE
    assert not result.spans
    assert result.lines("test_five claims 5 of 'gpu', but the best of the hosts has 4$")


def test_what_only_the_vanished_host_could_run(project: Project, network: Network) -> None:
    """It is not run, and says so; what others can run is run, and the run ends."""
    machine: Machine = network.start("gpu-box")
    project.configure(CAPACITIES)
    project.write(
        "test_a",
        """
        import pathlib, pytest
        from witness import wait_until
        @pytest.mark.resources(gpu=4)
        @pytest.mark.parametrize("number", range(6))
        def test_four(number):
            if number:
                wait_until(pathlib.Path("broken").exists, "something to break")
        @pytest.mark.resources(gpu=1)
        @pytest.mark.parametrize("number", range(6))
        def test_one(number): pass
        """,
    )
    options = tx(project, "popen", f"2*{machine.spec}")
    result = start_and_break(project, options, machine.vanish, busy=2)
    verdicts = result.verdicts
    assert "INTERNALERROR" not in result.output
    assert len(verdicts) == 12
    ones = {verdict for nodeid, verdict in verdicts.items() if "test_one" in nodeid}
    assert ones <= {"passed", "failed"}
    left_over = {verdict for nodeid, verdict in verdicts.items() if "test_four" in nodeid}
    assert left_over & {"blocked", "not run"}
    for nodeid, hosts in places(result).items():
        assert "test_four" not in nodeid or set(hosts) == {"gpu-box"}


@pytest.mark.parametrize("others", [("popen",), ()], ids=["others", "nobody else"])
def test_what_waits_for_a_host_that_is_slow_to_come_back(
    project: Project, network: Network, tmp_path: Path, others: tuple[str, ...]
) -> None:
    """Tests that only one host can run are not given up while its workers are being replaced."""
    machine = network.start("gpu-box")
    python = tmp_path / "slow-python"
    python.write_text(f'#!/bin/sh\n[ -e {tmp_path}/slow ] && sleep 2\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    project.configure(CAPACITIES)
    project.write(
        "test_a",
        """
        import pathlib, pytest
        from witness import wait_until
        @pytest.mark.resources(gpu=4)
        @pytest.mark.parametrize("number", range(6))
        def test_four(number):
            if number:
                wait_until(pathlib.Path("broken").exists, "something to break")
        """,
    )

    def break_connections() -> None:
        (tmp_path / "slow").touch()
        machine.disconnect()

    spec = machine.spec.replace(f"//python={sys.executable}", f"//python={python}")
    options = tx(project, *others, f"2*{spec}")
    result = start_and_break(project, options, break_connections, busy=2)
    assert result.code == FAILED
    assert "INTERNALERROR" not in result.output
    check_lost_nothing(result, 6)
    assert not result.blocked
    assert not result.lines("is not replaced")
    assert set(used(result)) == {"gpu-box"}
