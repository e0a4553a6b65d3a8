"""The markers of an item as a case that can be scheduled."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import FunctionType, MappingProxyType
from typing import Final

import pytest

from pytest_orchestra.model.case import CaseSpec, Claim, Mode, Need
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS
from pytest_orchestra.retry_settings import MOST as MOST_RETRIES
from pytest_orchestra.running.draft import Draft, Reading, finite, show
from pytest_orchestra.running.matrix import cell_of
from pytest_orchestra.running.peer_markers import CLOSEST_PEERS, PEER_READERS
from pytest_orchestra.scheduling.quantity import parse_quantity

_ACCEPTS: Final = {"passed": SUCCESS, "finished": ANY_VERDICT}
_MODES: Final = {"read": Mode.READ, "write": Mode.WRITE}
_EVERYTHING: Final = "*"
_DATA: Final = "the name of data"

#: What a function has in its ``__dict__`` if pytest looks for its code elsewhere.
_DISPLACED: Final = frozenset({"__wrapped__", "place_as"})


def read_item(
    item: pytest.Item, weights: Mapping[str, float] = MappingProxyType({})
) -> tuple[CaseSpec, tuple[Problem, ...]]:
    """Return what the markers of ``item`` say, and a problem for each that is malformed.

    ``weights`` are what marks add to its priority, by their names, however often it has them.

    Markers of other plugins are honoured as ``peer_markers`` tells; where they and the markers of this
    plugin disagree, this plugin's hold. Never raises for what a marker says.
    """
    file, line = _place(item)
    marks = list(item.iter_markers_with_node())
    weight = _weigh(marks, weights) if marks and weights else 0.0
    found = [pair for pair in marks if pair[1].name in _READERS]
    if not found:
        return CaseSpec(item.nodeid, file, line, priority=weight, cell=cell_of(item)), ()
    draft = Draft(item)
    seen: set[str] = set()
    for node, mark in sorted(found, key=lambda pair: pair[1].name in PEER_READERS):
        if mark.name not in seen or mark.name not in _CLOSEST:
            _READERS[mark.name](Reading(draft, mark, shared=node is not item))
        seen.add(mark.name)
    spec = draft.finish(file, line)
    if weight:
        spec = replace(spec, priority=spec.priority + weight)
    return spec, tuple(draft.problems)


def _weigh(marks: Iterable[tuple[object, pytest.Mark]], weights: Mapping[str, float]) -> float:
    names = {mark.name for _, mark in marks}
    return sum(weight for name, weight in weights.items() if name in names)


def location_of(item: pytest.Item) -> tuple[str, int | None, str]:
    """Return what ``item.location`` is, at a fraction of the cost where that is possible.

    pytest takes some 12 microseconds to work out an item's location, and every worker collects
    all items, so a plain function in the very file that its node id names is asked itself. The
    item keeps the answer, as it keeps pytest's, so that nobody works it out when it runs.
    """
    if type(item) is pytest.Function and "location" not in vars(item):
        file, function = item.nodeid.partition("::")[0].replace("/", os.sep), item.function
        if isinstance(function, FunctionType) and not function.__dict__.keys() & _DISPLACED:
            code = function.__code__
            if code.co_filename == f"{item.config.rootpath}{os.sep}{file}":
                vars(item)["location"] = file, code.co_firstlineno - 1, item.getmodpath()
    return item.location


def _place(item: pytest.Item) -> tuple[str, int]:
    """Return the file of the item's function and its line, as ``CaseSpec`` has them."""
    path, index, _ = location_of(item)
    return path.replace(os.sep, "/"), 0 if index is None else index + 1


def _read_depends(reading: Reading) -> None:
    reading.check_keywords("on", "name", "when", "match_params", "data")
    arguments = reading.mark.kwargs
    targets = [*reading.mark.args, arguments.get("on")]
    names = reading.texts(arguments.get("name"), "a name")
    reading.draft.names.extend(names)
    reading.add_uses(reading.texts(arguments.get("data"), _DATA))
    when = arguments.get("when", "passed")
    if not isinstance(when, str) or when not in _ACCEPTS:
        what = f"when={when!r} is neither 'passed' nor 'finished'"
        reading.complain(what, "write one of them, or leave it out", "when")
        return
    match_params = reading.flag("match_params")
    needs = [
        Need(target, _ACCEPTS[when], match_params=match_params)
        for value in targets
        for target in reading.targets(value)
    ]
    if not reading.mark.args and not arguments:
        remedy = "write a name; a function or class goes into on=, since alone it would be marked"
        reading.complain("it names nothing", remedy)
    reading.add_needs(needs)


def _read_provides(reading: Reading) -> None:
    reading.draft.provides.extend(_data_names(reading))


def _read_cleans(reading: Reading) -> None:
    reading.draft.cleans.extend(_data_names(reading))


def _data_names(reading: Reading) -> tuple[str, ...]:
    reading.check_keywords()
    if not reading.mark.args and not reading.mark.kwargs:
        reading.complain("it names nothing", f"write {reading.mark.name}('user')")
    return reading.texts(reading.mark.args, _DATA)


def _read_priority(reading: Reading) -> None:
    value = reading.mark.args[0] if len(reading.mark.args) == 1 else None
    if reading.mark.kwargs or value is None:
        reading.complain("it takes one number", "write priority(10)")
        return
    priority = finite(value)
    if priority is None:
        what = f"{show(value)} is not a finite number"
        reading.complain(what, "write a number such as 10 or -1.5", show(value).strip("'\""))
    else:
        reading.draft.priority = priority


def _read_retries(reading: Reading) -> None:
    value = reading.mark.args[0] if len(reading.mark.args) == 1 else None
    if reading.mark.kwargs or value is None:
        reading.complain("it takes one number", "write retries(2)")
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_RETRIES:
        reading.draft.retries = value
    else:
        what = f"{show(value)} is not a whole number from 0 to {MOST_RETRIES}"
        remedy = "write how many times it is tried again when it fails, such as 2"
        reading.complain(what, remedy, show(value).strip("'\""))


def _read_resources(reading: Reading) -> None:
    if not reading.mark.args and not reading.mark.kwargs:
        reading.complain("it names nothing", "write resources('db') or resources(gpu=2)")
    claims: dict[str, Claim] = {}
    for name in reading.texts(reading.mark.args, "the name of a resource"):
        if name in claims or name in reading.mark.kwargs:
            what = f"{name!r} is claimed twice"
            reading.complain(what, f"claim it once, with an amount: {name}=2", name)
        claims[name] = Claim(name)
    reading.draft.alone |= claims.pop(_EVERYTHING, None) is not None
    for name, value in reading.mark.kwargs.items():
        try:
            claims[name] = _claim(name, value)
        except ValueError as error:
            remedy = "write a whole number of at least 1, a quantity as '4GB', 'read' or 'write'"
            reading.complain(f"{name}: {error}", remedy, name)
    reading.draft.claims = {**claims, **reading.draft.claims}


def _claim(name: str, value: object) -> Claim:
    """Return what is claimed of ``name``; raises ValueError with what is wrong."""
    if name == _EVERYTHING or not name.strip():
        raise ValueError("it has no amount")
    if isinstance(value, str) and value in _MODES:
        return Claim(name, mode=_MODES[value])
    if isinstance(value, str):
        return Claim(name, parse_quantity(value))
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < sys.maxsize:
        raise ValueError(f"{show(value)} is not an amount")
    return Claim(name, value)


def _read_xdist_group(reading: Reading) -> None:
    name = reading.mark.args[0] if reading.mark.args else reading.mark.kwargs.get("name", "default")
    reading.draft.group = str(name)


_READERS: Final[Mapping[str, Callable[[Reading], None]]] = {
    "depends": _read_depends,
    "provides": _read_provides,
    "cleans": _read_cleans,
    "priority": _read_priority,
    "resources": _read_resources,
    "retries": _read_retries,
    "xdist_group": _read_xdist_group,
    **PEER_READERS,
}

#: Of these markers only the one that is closest to the test counts.
_CLOSEST: Final = frozenset({"priority", "retries", "xdist_group"}) | CLOSEST_PEERS
