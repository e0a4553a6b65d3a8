"""Asks every host that workers are to run on whether they can, before they are started.

xdist would find out worker by worker, and start each again and again. Here everything that is
missing anywhere is told at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final

import execnet
import pytest
from xdist.plugin import _sys_path
from xdist.workermanage import make_reltoroot

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running import link
from pytest_orchestra.running.calls import Call, Unreachable
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.specs import is_plain, label

#: Seconds in which all hosts together must have answered.
PATIENCE: Final = 30.0

#: The oldest Python that this plugin runs on, and the oldest pytest.
OLDEST_PYTHON: Final = (3, 11)
OLDEST_PYTEST: Final = (8, 4)

_OURS: Final = "pytest-orchestra"
_PLUGINS: Final = {_OURS, "pytest-xdist"}

#: What comes with pytest, and is not copied with it.
_PARTS_OF_PYTEST: Final = {"pluggy", "iniconfig", "packaging"}


@dataclass(frozen=True, slots=True)
class Site:
    """What this run is about, as far as hosts have to do with it.

    ``files`` must be in the directory of each worker. With ``copies`` the project is brought
    there, and pytest with it; ``roots`` are the directories that xdist copies, ``arguments``
    those of the command line, which was given in ``here``.
    """

    files: tuple[str, ...]
    copies: bool
    roots: tuple[Path, ...]
    arguments: tuple[str, ...]
    here: Path

    @classmethod
    def of(cls, config: pytest.Config, roots: Sequence[Path]) -> Site:
        """Read it from pytest's configuration."""
        here, settings = config.invocation_params.dir, config.inipath
        files = (os.path.relpath(settings, here).replace(os.sep, "/"),) if settings else ()
        copies = bool(config.getoption("rsyncdir") or config.getini("rsyncdirs"))
        arguments = tuple(map(str, config.invocation_params.args))
        return cls(files, copies, tuple(roots), arguments, here)

    def question(self, spec: execnet.XSpec) -> dict[str, Any]:
        """Return what to ask the host of ``spec``."""
        is_local = spec.popen and not spec.chdir
        return {
            "directory": spec.chdir,
            "files": [] if self.copies else list(self.files),
            "first_path": [str(root.parent) for root in self.roots] if is_local else [],
            "plugin_path": _sys_path if spec.popen else None,
        }


def probe_hosts(
    specs: Sequence[execnet.XSpec],
    proxies: Mapping[str, execnet.XSpec],
    site: Site,
    hosts: Hosts,
) -> tuple[Problem, ...]:
    """Ask all hosts at once, each but once; return a problem for each on which no worker can run.

    What is found out of their identities goes to ``hosts``, in the order of ``specs``, so that
    they have the same names in every run.
    """
    found = _ask({label(spec): spec for spec in specs if not is_plain(spec)}, proxies, site)
    problems = list(_check_arguments(specs, site))
    seen: set[str] = set()
    for spec in specs:
        name = label(spec)
        answer = found.get(name)
        if answer is None:
            hosts.meet(
                read_host({**os.environ, **{key: str(value) for key, value in spec.env.items()}})
            )
        elif name not in seen:
            problems += _judge(spec, answer, site)
            if not isinstance(answer, Unreachable) and answer["host"] is not None:
                hosts.meet(link.unpack_host(answer["host"]))
        seen.add(name)
    return tuple(problems)


def probe_proxies(proxies: Mapping[str, execnet.XSpec]) -> tuple[Problem, ...]:
    """Return a problem for each gateway of ``--px`` that cannot be reached."""
    site = Site((), copies=True, roots=(), arguments=(), here=Path())
    found = _ask(dict(proxies), proxies, site)
    return tuple(
        Problem(answer.what, answer.remedy, f"--px {proxies[name]}")
        for name, answer in found.items()
        if isinstance(answer, Unreachable)
    )


def _ask(
    specs: Mapping[str, execnet.XSpec], proxies: Mapping[str, execnet.XSpec], site: Site
) -> dict[str, Mapping[str, Any] | Unreachable]:
    calls = {name: Call(spec, proxies, site.question(spec)) for name, spec in specs.items()}
    end = time.monotonic() + PATIENCE
    for call in calls.values():
        call.start()
    try:
        return {name: call.result(end - time.monotonic()) for name, call in calls.items()}
    finally:
        for call in calls.values():
            call.hang_up()


def _check_arguments(specs: Sequence[execnet.XSpec], site: Site) -> Iterator[Problem]:
    """Complain of what xdist cannot tell a worker in another directory."""
    if all(spec.popen and not spec.chdir for spec in specs):
        return
    is_copied = False
    for argument in site.arguments:
        try:
            is_copied |= make_reltoroot(site.roots, [argument]) != [argument]
        except ValueError:
            what = f"{argument!r} on the command line is a path here, but not on other hosts"
            remedy = (
                "leave it out: name paths as testpaths in pyproject.toml, and choose with -k or "
                "-m; if it belongs to an option, write --option=VALUE"
            )
            yield Problem(what, remedy)
    if site.copies and not is_copied:
        what = "workers on other hosts would collect all that is copied there, under other names"
        yield Problem(what, f"add the project's directory in full: {site.here}", "--rsyncdir")


def _judge(
    spec: execnet.XSpec, answer: Mapping[str, Any] | Unreachable, site: Site
) -> Iterator[Problem]:
    """Yield at most one problem: all that is wrong with one host."""
    where = f"--tx {label(spec)}"
    if isinstance(answer, Unreachable):
        yield Problem(answer.what, answer.remedy, where)
        return
    faults = [*_software(spec, answer), *_place(spec, answer, site)]
    if faults:
        what = "; ".join(what for what, _ in faults)
        yield Problem(what, "; ".join(dict.fromkeys(remedy for _, remedy in faults)), where)


def _software(spec: execnet.XSpec, answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with Python and its packages, and what mends it."""
    python = f"{answer['executable']} (Python {'.'.join(map(str, answer['version']))})"
    if tuple(answer["version"][:2]) < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        yield f"{python} is older than {needed}", f"name another one after python= in {label(spec)}"
        return
    found: Mapping[str, str | None] = answer["found"]
    is_copied = not spec.socket and bool(spec.chdir or not spec.popen)
    absent = {
        "pytest" if name in _PARTS_OF_PYTEST else name
        for name, version in found.items()
        if version is None and not (is_copied and name == "pytest")
    }
    ours = metadata.version(_OURS)
    install = f"run there: {answer['executable']} -m pip install {_OURS}=={ours}"
    if absent:
        if spec.popen and absent & _PLUGINS:
            place = Path(__file__).parents[2]
            install += f" (xdist looks for plugins where they are here, in {place})"
        yield f"no {', no '.join(sorted(absent))} for {python}", install
        return
    theirs = found[_OURS]
    if theirs and theirs != ours:
        yield f"{_OURS} {theirs} for {python}, but {ours} here", install
    pytests = found["pytest"]
    if pytests and not is_copied and _numbers(pytests) < OLDEST_PYTEST:
        needed = ".".join(map(str, OLDEST_PYTEST))
        remedy = f"run there: {answer['executable']} -m pip install 'pytest>={needed}'"
        yield f"pytest {pytests} for {python} is older than {needed}", remedy


def _place(spec: execnet.XSpec, answer: Mapping[str, Any], site: Site) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the directory, and what mends it."""
    if site.copies:
        if not answer["has_parent"]:
            parent = PurePosixPath(str(spec.chdir)).parent
            yield f"no directory {parent}", f"run there: mkdir -p {parent}"
        return
    remedy = "check the project out there, and name its directory with //chdir=DIRECTORY"
    if not spec.popen and "chdir=" not in str(spec):
        yield "no directory is named for its workers", remedy
    elif not answer["has_directory"]:
        yield f"no directory {spec.chdir}", remedy
    elif answer["missing"]:
        yield f"no {', no '.join(answer['missing'])} in {answer['cwd']}", remedy


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())
