"""What is made of the answers of hosts; the calls themselves are made in tests/e2e/test_hosts.py."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import execnet
import pytest

from pytest_orchestra.running import probe
from pytest_orchestra.running.hosts import Hosts

VERSION = metadata.version("pytest-orchestra")
GOOD: dict[str, Any] = {
    "version": [3, 12, 1],
    "executable": "/there/python",
    "cwd": "/there",
    "has_directory": True,
    "has_parent": True,
    "missing": [],
    "found": {
        "pytest": "9.0.0",
        "pluggy": "1.6.0",
        "iniconfig": "2.0.0",
        "packaging": "26.0",
        "execnet": "2.1.2",
        "pytest-xdist": "3.8.0",
        "pytest-orchestra": VERSION,
    },
    "host": ("box", "box/1", 4, None),
}
SITE = probe.Site(("pyproject.toml",), copies=False, roots=(), arguments=(), here=Path("/h"))
SSH = "ssh=box//chdir=/there"


def judged(spec: str, *, copies: bool = False, **changes: Any) -> tuple[str, str] | None:
    """Return what is wrong and what mends it, if a host answers like this."""
    found = {**GOOD["found"], **changes.pop("found", {})}
    answer = {**GOOD, "found": found, **changes}
    site = replace(SITE, copies=copies)
    whole = execnet.XSpec(spec)
    if not whole.chdir and not whole.popen:
        whole.chdir = "pyexecnetcache"  # as xdist does
    problems = list(probe._judge(whole, answer, site))
    assert len(problems) <= 1
    for problem in problems:
        assert problem.where == f"--tx {spec}"
        return problem.what, problem.remedy
    return None


@pytest.mark.parametrize("spec", [SSH, "popen//python=x", "popen//via=y", f"socket=a:1//{SSH[9:]}"])
def test_where_nothing_is_missing(spec: str) -> None:
    """There is no problem; a version that is not known is none either."""
    assert judged(spec) is None
    assert judged(spec, found={"pytest-orchestra": ""}) is None


INSTALL = f"run there: /there/python -m pip install pytest-orchestra=={VERSION}"


def test_packages() -> None:
    """Each missing distribution is named once, and one command brings them all."""
    nothing = dict.fromkeys(GOOD["found"], None)
    python = "/there/python (Python 3.12.1)"
    everything = f"no execnet, no pytest, no pytest-orchestra, no pytest-xdist for {python}"
    assert judged(SSH, found=nothing) == (everything, INSTALL)
    assert judged(SSH, found={"pytest-orchestra": None}) == (
        f"no pytest-orchestra for {python}",
        INSTALL,
    )
    assert judged(SSH, found={"pytest-orchestra": "0.0.1"}) == (
        f"pytest-orchestra 0.0.1 for {python}, but {VERSION} here",
        INSTALL,
    )


def test_pytest_is_copied_by_xdist() -> None:
    """It need not be installed, nor be new enough, where xdist brings it along."""
    for version in (None, "7.4.4"):
        assert judged(SSH, found={"pytest": version}) is None
        for spec in ("popen//python=x", "socket=a:1//chdir=/there"):
            wrong = judged(spec, found={"pytest": version})
            assert wrong is not None
            assert wrong[0].startswith("no pytest " if version is None else "pytest 7.4.4 for")


def test_plugins_of_local_gateways_are_looked_for_here() -> None:
    """That an installation there is not enough is part of the remedy."""
    wrong = judged("popen//python=x", found={"pytest-orchestra": None})
    assert wrong is not None
    assert wrong[1].startswith(INSTALL)
    assert str(Path(probe.__file__).parents[2]) in wrong[1]


def test_an_old_python() -> None:
    """Nothing can be installed for it, so that is all that is said."""
    wrong = judged(SSH, version=[3, 8, 18], found=dict.fromkeys(GOOD["found"], None))
    assert wrong is not None
    assert wrong[0] == "/there/python (Python 3.8.18) is older than 3.11"


def test_directories() -> None:
    """A host without the project's directory or its settings is told how to come by them."""
    remedy = "check the project out there, and name its directory with //chdir=DIRECTORY"
    assert judged(SSH, has_directory=False) == ("no directory /there", remedy)
    assert judged(SSH, missing=["pyproject.toml"]) == ("no pyproject.toml in /there", remedy)
    assert judged("ssh=box") == ("no directory is named for its workers", remedy)
    assert judged("ssh=box", copies=True) is None
    assert judged(SSH, copies=True, has_directory=False) is None
    assert judged("ssh=box//chdir=/a/b", copies=True, has_directory=False, has_parent=False) == (
        "no directory /a",
        "run there: mkdir -p /a",
    )


def test_everything_about_a_host_is_one_problem() -> None:
    """Software and directory share a line."""
    wrong = judged(SSH, has_directory=False, found={"execnet": None})
    assert wrong is not None
    assert wrong[0].startswith("no execnet for ")
    assert wrong[0].endswith("; no directory /there")
    assert wrong[1].startswith(f"{INSTALL}; check the project out there")


def test_paths_of_here_on_the_command_line(tmp_path: Path) -> None:
    """They are refused where a worker would run in another directory, and only there."""
    site = replace(SITE, arguments=(str(tmp_path), "-x", "no/file"))
    for spec, count in (("popen//python=x", 0), (SSH, 1), ("popen//chdir=/x", 1)):
        assert len(list(probe._check_arguments([execnet.XSpec(spec)], site))) == count
    copied = replace(SITE, copies=True, roots=(tmp_path,), arguments=(str(tmp_path),))
    assert not list(probe._check_arguments([execnet.XSpec(SSH)], copied))
    (problem,) = probe._check_arguments([execnet.XSpec(SSH)], replace(copied, arguments=("-x",)))
    assert problem.where == "--rsyncdir"
    assert problem.remedy.endswith(": /h")


def test_names_follow_the_command_line() -> None:
    """Hosts are met in the order of the specifications; plain workers are of this one."""
    hosts = Hosts()
    specs = [execnet.XSpec(f"popen//env:PYTEST_ORCHESTRA_HOST={name}") for name in "ba"]
    assert probe.probe_hosts(specs, {}, SITE, hosts) == ()
    assert [host.name for host in hosts.all] == ["b", "a"]
