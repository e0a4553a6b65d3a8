"""A case while its markers are being read, and what all readers of markers have in common."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import pytest

from pytest_orchestra.model.case import CaseSpec, Claim, Need
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.matrix import cell_of
from pytest_orchestra.scheduling.nodeid import scopes, split_nodeid


@dataclass(slots=True)
class Draft:
    """What the markers of one item have said so far.

    Markers are read from the closest to the farthest, so what is settled stays as it is.
    """

    item: pytest.Item
    names: list[str] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    feeds: list[Need] = field(default_factory=list)
    priority: float | None = None
    claims: dict[str, Claim] = field(default_factory=dict)
    alone: bool = False
    group: str | None = None
    problems: list[Problem] = field(default_factory=list)
    #: Needs and feeds that were stated for a whole class or module.
    shared: set[Need] = field(default_factory=set)
    provides: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    cleans: list[str] = field(default_factory=list)
    #: Data that a whole class or module was said to use.
    shared_uses: list[str] = field(default_factory=list)
    retries: int | None = None

    def finish(self, file: str, line: int) -> CaseSpec:
        """Return the case; ``file`` and ``line`` are of its function."""
        return CaseSpec(
            nodeid=self.item.nodeid,
            file=file,
            line=line,
            names=tuple(dict.fromkeys(self.names)),
            needs=self._of_others(self.needs),
            feeds=self._of_others(self.feeds),
            priority=0.0 if self.priority is None else self.priority,
            claims=frozenset(self.claims.values()),
            alone=self.alone,
            group=self.group,
            provides=tuple(dict.fromkeys(self.provides)),
            uses=self._uses(),
            cleans=tuple(dict.fromkeys(self.cleans)),
            retries=self.retries,
            cell=cell_of(self.item),
        )

    def _uses(self) -> tuple[str, ...]:
        """Leave out what the case itself makes or cleans if its whole class or module uses it."""
        own = {*self.provides, *self.cleans}
        return tuple(
            dict.fromkeys((*self.uses, *(name for name in self.shared_uses if name not in own)))
        )

    def _of_others(self, needs: Collection[Need]) -> tuple[Need, ...]:
        """Leave out what names the case itself if it was said of its whole class or module.

        A class may depend on one of its own tests, which then only the others wait for.
        """
        return tuple(
            need
            for need in dict.fromkeys(needs)
            if need not in self.shared or not self._is_called(need)
        )

    def _is_called(self, need: Need) -> bool:
        file, name, _ = split_nodeid(self.item.nodeid)
        own = (self.item.nodeid, f"{file}::{name}")
        if need.target in self.names or need.target in own:
            return True
        around = [need.within] if need.within else scopes(self.item.nodeid)
        return any(f"{scope}::{need.target}" in own for scope in around)


@dataclass(frozen=True, slots=True)
class Reading:
    """One marker, and the draft of the item that has it.

    ``shared``: the marker stands on a class or module around the item.
    """

    draft: Draft
    mark: pytest.Mark
    shared: bool = False

    def complain(self, what: str, remedy: str, needle: str = "") -> None:
        """Note a problem with this marker; ``needle`` is a piece of its text."""
        nodeid, marker = self.draft.item.nodeid, self.mark.name
        self.draft.problems.append(
            Problem(f"{marker}: {what}", remedy, nodeid=nodeid, marker=marker, needle=needle)
        )

    def check_keywords(self, *known: str) -> None:
        """Complain of each keyword of the marker that is not ``known``."""
        for key in self.mark.kwargs:
            if key not in known:
                near = get_close_matches(key, known, 1)
                takes = ", ".join(known) or "names only"
                remedy = f"did you mean {near[0]}?" if near else f"it takes {takes}"
                self.complain(f"unknown keyword {key!r}", remedy, key)

    def check_no_arguments(self, instead: str) -> None:
        """Complain of arguments without a keyword; ``instead`` shows how to write them."""
        if self.mark.args:
            what = f"{self.mark.args[0]!r} has no keyword"
            self.complain(what, f"write {instead}", str(self.mark.args[0]))

    def flag(self, key: str) -> bool:
        """Return the keyword ``key``, false where it is absent; complain if it is no boolean."""
        value = self.mark.kwargs.get(key, False)
        if not isinstance(value, bool):
            self.complain(f"{key}={value!r} is neither True nor False", f"write {key}=True", key)
        return value is True

    def texts(self, value: object, what: str) -> tuple[str, ...]:
        """Return the names in ``value``: one, several or None; complain of what is no name."""
        return tuple(text for each in _several(value) if (text := self._text(each, what)))

    def targets(self, value: object) -> tuple[str, ...]:
        """Return the targets in ``value``, which may also be test functions and classes."""
        return tuple(text for each in _several(value) if (text := self._target(each)))

    def _text(self, value: object, what: str) -> str | None:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.complain(f"{value!r} is not {what}", f"write {what} as a string", str(value))
        return None

    def _target(self, value: object) -> str | None:
        name, module = getattr(value, "__qualname__", None), getattr(value, "__module__", None)
        if not isinstance(name, str) or not isinstance(module, str):
            return self._text(value, "the name of a test")
        file = self._file_of(module)
        if file is None or "<locals>" in name:
            self.complain(f"no file defines {name}", "write the test's name as a string", name)
            return None
        return f"{file}::{name.replace('.', '::')}"

    def _file_of(self, module: str) -> str | None:
        """Return the path of ``module`` as node ids have it, relative to the root directory."""
        item = self.draft.item
        if module == getattr(getattr(item, "module", None), "__name__", None):
            return split_nodeid(item.nodeid).file
        path = getattr(sys.modules.get(module), "__file__", None)
        root = item.config.rootpath
        if path is None or not Path(path).is_relative_to(root):
            return None
        return Path(path).relative_to(root).as_posix()

    def add_needs(self, needs: Collection[Need]) -> None:
        """Let the case depend on what ``needs`` name."""
        self.draft.needs.extend(needs)
        if self.shared:
            self.draft.shared.update(needs)

    def add_uses(self, names: Collection[str]) -> None:
        """Let the case use the data of these ``names``."""
        (self.draft.shared_uses if self.shared else self.draft.uses).extend(names)

    def add_feeds(self, feeds: Collection[Need]) -> None:
        """Let what ``feeds`` name depend on the case."""
        self.draft.feeds.extend(feeds)
        if self.shared:
            self.draft.shared.update(feeds)


def finite(value: object) -> float | None:
    """Return ``value`` as a number; None if it is none, or too large to be reckoned with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def show(value: object) -> str:
    """Return ``value`` as it stands in a marker, shortened."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - it is the user's, and may do anything
        text = f"a {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


#: So many characters of a value are shown at the most.
MOST_SHOWN = 80


def _several(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif value is not None:
        yield value
