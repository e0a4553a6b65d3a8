"""What is installed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

from pytest_orchestra.cli.checkup import Finding, State

#: What this plugin needs, and the oldest versions that will do.
_NEEDED: Final = (
    ("pytest", (8, 4)),
    ("pytest-xdist", (3, 8)),
    ("execnet", ()),
    ("pluggy", (1, 5)),
    ("networkx", (3, 3)),
    ("filelock", (3, 16)),
    ("junitparser", (4, 0)),
)

_KEPT_OUT: Final = "its markers are honoured; under --orchestrate it is kept from acting itself"
_THEIRS: Final = "runs tests again on its own; the final attempt decides the verdict"

#: Plugins that order, skip, repeat or isolate tests, whether they are odd to have, and what is done with them.
_PEERS: Final = (
    ("pytest-dependency", False, _KEPT_OUT),
    ("pytest-depends", False, _KEPT_OUT),
    ("pytest-depends-on", False, _KEPT_OUT),
    ("pytest-isolated", False, _KEPT_OUT),
    (
        "pytest-order",
        False,
        "its markers are honoured; under --orchestrate it sorts nothing itself",
    ),
    ("pytest-isolate", False, "its resources are honoured; running in a subprocess stays its own"),
    ("pytest-rerunfailures", False, _THEIRS),
    ("pytest-retry", False, _THEIRS),
    ("flaky", False, _THEIRS),
    (
        "pytest-randomly",
        True,
        (
            "it shuffles what is collected, which decides only between tests of equal urgency here: "
            "-p no:randomly gives the same order each time"
        ),
    ),
    (
        "pytest-random-order",
        True,
        "it shuffles what is collected, which decides only between tests of equal urgency here",
    ),
    (
        "pytest-forked",
        True,
        "a child that it forks is not seen: CPU time and memory are its parent's",
    ),
    (
        "pytest-split",
        True,
        (
            "--splits knows no dependencies, and cuts them off: use --orchestrate-shard, which reads its "
            ".test_durations"
        ),
    ),
    ("pytest-parallel", True, "it runs tests in a way of its own: do not give --workers to pytest"),
)


def check_python() -> Iterator[Finding]:
    """Say which Python this is."""
    text = f"{platform.python_version()} on {sys.platform}-{platform.machine()}, {sys.executable}"
    yield Finding(State.FINE, "python", text)
    if find_spec("_sqlite3") is None:
        what = "this Python was built without it, so that nothing is remembered"
        yield Finding(State.ODD, "sqlite", what)


def check_packages() -> Iterator[Finding]:
    """Say which versions there are of what is needed."""
    yield Finding(State.FINE, "pytest-orchestra", installed("pytest-orchestra") or "not installed")
    for name, oldest in _NEEDED:
        there = installed(name)
        if there is None:
            yield Finding(State.BROKEN, name, f"is not installed: pip install {name}")
        elif _numbers(there) < oldest:
            wanted = ".".join(map(str, oldest))
            yield Finding(State.BROKEN, name, f"{there} is too old: pip install '{name}>={wanted}'")
        else:
            yield Finding(State.FINE, name, there)


def check_peers() -> Iterator[Finding]:
    """Say of other plugins that are installed what becomes of them."""
    for name, is_odd, what in _PEERS:
        there = installed(name)
        if there is not None:
            yield Finding(State.ODD if is_odd else State.FINE, f"{name} {there}", what)


def installed(name: str) -> str | None:
    """Return the version of a distribution, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    """Return the first numbers of a version."""
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
