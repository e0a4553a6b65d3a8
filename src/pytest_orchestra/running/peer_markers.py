"""Markers of other plugins as parts of a case.

What differs from the originals is said at each reader. In all of them a name may be anything that
our own ``depends`` takes, and unmarked tests count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from posixpath import dirname
from typing import Final

from pytest_orchestra.model.case import Claim, Need
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.running.draft import Reading, finite, show
from pytest_orchestra.scheduling.nodeid import split_nodeid

#: The priority of ``order(0)``; each later index has one less.
FIRST: Final = 1e9

#: The priority of ``order(-1)``; each index before it has one more.
LAST: Final = -1e9

#: The words of pytest-order.
ORDINALS: Final[Mapping[str, int]] = {
    **{
        word: index
        for index, word in enumerate(
            ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
        )
    },
    "last": -1,
    **{
        f"{word}_to_last": -index
        for index, word in enumerate(
            ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"), 2
        )
    },
}

_SCOPES: Final = ("session", "package", "module", "class")

#: What pytest-depends-on knows of a test that has not run.
_NEVER_BEGAN: Final = frozenset({Verdict.NOT_RUN, Verdict.BLOCKED, Verdict.SKIPPED})

#: It knows no flaky tests: they have passed.
_STATUS: Final = {
    each.value: frozenset({each, Verdict.FLAKY}) if each is Verdict.PASSED else frozenset({each})
    for each in (
        Verdict.PASSED,
        Verdict.FAILED,
        Verdict.SKIPPED,
        Verdict.XFAILED,
        Verdict.XPASSED,
    )
}


def _read_dependency(reading: Reading) -> None:
    """Read pytest-dependency's; a scope is where a name is looked for first, not the only place."""
    reading.check_keywords("name", "depends", "scope")
    reading.check_no_arguments("dependency(name=..., depends=[...])")
    arguments = reading.mark.kwargs
    reading.draft.names.extend(reading.texts(arguments.get("name"), "a name"))
    scope = arguments.get("scope", "module")
    if scope not in _SCOPES:
        remedy = f"write one of {', '.join(_SCOPES)}"
        reading.complain(f"there is no scope {scope!r}", remedy, str(scope))
        return
    item = reading.draft.item
    within = _within(scope, item.nodeid)
    unknown_is_fine = bool(item.config.getoption("ignore_unknown_dependency", default=False))
    reading.add_needs(
        [
            Need(name, SUCCESS, within=within, marker="dependency", optional=unknown_is_fine)
            for name in reading.texts(arguments.get("depends"), "the name of a test")
        ]
    )


def _within(scope: str, nodeid: str) -> str:
    """Return the node id in which names of ``scope`` are relative and custom names are known."""
    file, name, _ = split_nodeid(nodeid)
    own_class = name.split("::")[0] if "::" in name else ""
    places = {"module": file, "package": dirname(file)}
    if scope == "class" and own_class:
        return f"{file}::{own_class}"
    return places.get(scope, "")


def _read_order(reading: Reading) -> None:
    """Read pytest-order's; an index is a priority, so it holds where there is a choice.

    ``before`` and ``after`` are edges that any outcome satisfies; names that nothing has are
    ignored, as pytest-order does.
    """
    reading.check_keywords("index", "before", "after")
    arguments = reading.mark.kwargs
    if len(reading.mark.args) > 1 or (reading.mark.args and "index" in arguments):
        reading.complain("it takes one index", "write order(1)")
    index = reading.mark.args[0] if reading.mark.args else arguments.get("index")
    if index is not None:
        _take_index(reading, index)
    reading.add_feeds(_order_needs(reading, arguments.get("before")))
    reading.add_needs(_order_needs(reading, arguments.get("after")))


def _take_index(reading: Reading, index: object) -> None:
    place = ORDINALS.get(index) if isinstance(index, str) else index
    if not isinstance(place, int) or isinstance(place, bool) or finite(place) is None:
        remedy = f"write a whole number or one of {', '.join(ORDINALS)}"
        reading.complain(f"{show(index)} is no index", remedy, show(index).strip("'\""))
    elif reading.draft.priority is None:
        reading.draft.priority = FIRST - place if place >= 0 else LAST - 1 - place


def _order_needs(reading: Reading, names: object) -> list[Need]:
    """Return needs that look from the file first if the marker stands on a class.

    There pytest-order leaves the tests of the class out.
    """
    within = split_nodeid(reading.draft.item.nodeid).file if reading.shared else ""
    return [
        Need(name, ANY_VERDICT, within=within, marker="order", optional=True)
        for name in reading.texts(names, "the name of a test")
    ]


def _read_depends_on(reading: Reading) -> None:
    """Read pytest-depends-on's; a name is looked for nearby before all tests of that name count."""
    reading.check_keywords("tests", "status", "allowed_not_run", "match_params")
    reading.check_no_arguments("depends_on(tests=[...])")
    arguments = reading.mark.kwargs
    tests = arguments.get("tests")
    if not tests:
        reading.complain("it names no tests", "write depends_on(tests=[...])")
        return
    reading.add_needs(
        [
            need
            for each in (tests if isinstance(tests, list | tuple) else [tests])
            for need in _depends_on_needs(reading, {**arguments, **_as_entry(each)})
        ]
    )


def _as_entry(test: object) -> Mapping[str, object]:
    return test if isinstance(test, Mapping) else {"name": test}


def _depends_on_needs(reading: Reading, entry: Mapping[str, object]) -> Iterator[Need]:
    status = entry.get("status", Verdict.PASSED)
    accepts = _STATUS.get(status) if isinstance(status, str) else None
    if accepts is None:
        reading.complain(f"there is no status {status!r}", f"write one of {', '.join(_STATUS)}")
        return
    optional = bool(entry.get("allowed_not_run"))
    for name in reading.texts([entry.get("name")], "the name of a test"):
        yield Need(
            name,
            accepts | _NEVER_BEGAN if optional else accepts,
            match_params=bool(entry.get("match_params")),
            marker="depends_on",
            optional=optional,
            anywhere=True,
        )


def _read_isolate(reading: Reading) -> None:
    """Read pytest-isolate's resources; a fraction takes a whole one, since tokens are whole."""
    resources = reading.mark.kwargs.get("resources", {})
    if not isinstance(resources, Mapping):
        reading.complain(f"resources={resources!r} is no dictionary", "write resources={'gpu': 2}")
        return
    for name, count in resources.items():
        if (
            not isinstance(count, int | float)
            or isinstance(count, bool)
            or not 0 < count < math.inf
        ):
            remedy = "write a number above 0"
            reading.complain(f"{count!r} is no number of {name!r}", remedy, str(name))
        else:
            reading.draft.claims.setdefault(str(name), Claim(str(name), math.ceil(count)))


def _read_isolated(reading: Reading) -> None:
    """Read pytest-isolated's: its groups stay together, but no subprocess is made for them."""
    reading.draft.alone |= bool(reading.mark.kwargs.get("serial"))
    group = reading.mark.args[0] if reading.mark.args else reading.mark.kwargs.get("group")
    if group is not None and reading.draft.group is None:
        reading.draft.group = str(group)


#: How to read each marker of other plugins.
PEER_READERS: Final[Mapping[str, Callable[[Reading], None]]] = {
    "dependency": _read_dependency,
    "order": _read_order,
    "depends_on": _read_depends_on,
    "isolate": _read_isolate,
    "isolated": _read_isolated,
}

#: Those of them that their plugins ask for the closest of only.
CLOSEST_PEERS: Final = frozenset({"dependency", "depends_on", "isolate"})
