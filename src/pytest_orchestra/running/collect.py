"""From collected items to what the engine knows of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.missing import Missing
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.retry_settings import RetrySettings
from pytest_orchestra.running.budgets import Budgets
from pytest_orchestra.running.draft import finite, show
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.groups import group_for
from pytest_orchestra.running.markers import read_item
from pytest_orchestra.running.stage_choice import StageChoice
from pytest_orchestra.scheduling.absent import Absent

#: The name of the plugin that collects.
COLLECTING: Final = "orchestra-collecting"

#: So many tests that were pulled back in are named; the rest is counted.
NAMED_PULLS: Final = 5

#: pytest's plugin that keeps ``--lf`` from collecting what did not fail.
_LF_SHORTCUT: Final = "lfplugin-collwrapper"


@dataclass(slots=True)
class Collection:
    """What one process collected.

    ``blocked`` maps the index of a case that cannot run to the reason; ``notes`` are lines
    for the user. ``is_whole``: nothing that the files hold was left out.
    """

    specs: tuple[CaseSpec, ...] = ()
    problems: tuple[Problem, ...] = ()
    blocked: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_whole: bool = False

    def only(self, cases: Sequence[int]) -> Collection:
        """Return what is left if there are only these ``cases``; they are numbered anew."""
        blocked = {
            number: self.blocked[case] for number, case in enumerate(cases) if case in self.blocked
        }
        return replace(self, specs=tuple(self.specs[case] for case in cases), blocked=blocked)


class Collecting:
    """Plugin for every process that collects: reads markers and pulls prerequisites back in."""

    def __init__(  # noqa: PLR0913, PLR0917 - what only the controller has read
        self,
        config: pytest.Config,
        missing: Missing,
        dist: str,
        claims: FixtureClaims,
        weights: Mapping[str, float],
        retries: RetrySettings,
        stages: Sequence[StageSpec] = (),
    ) -> None:
        """``weights`` are what marks add to the priority of a test, by their names."""
        self._choice = StageChoice(stages)
        self._weights = weights
        self.collection = Collection()
        self._retries = retries
        self._claims = claims
        self._gathered: list[pytest.Item] | None = None
        self._config = config
        self._missing = missing
        self._dist = dist
        self._children: dict[pytest.Collector, list[pytest.Item | pytest.Collector]] | None = None
        if any("::" in arg for arg in config.args):
            self._children = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let ``--lf`` leave tests out after collection only, so that what was left out is known."""
        manager = self._config.pluginmanager
        if manager.has_plugin(_LF_SHORTCUT):
            manager.unregister(name=_LF_SHORTCUT)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Remember what files hold of which only some tests were asked for by node id."""
        report = yield
        if self._children is not None and isinstance(collector, pytest.File | pytest.Class):
            self._children[collector] = list(report.result)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        """Read the items that are left after all plugins deselected and reordered."""
        siblings = self._siblings(items)
        # Other plugins see them too: they may have something to say of a test that is pulled in.
        items += siblings
        universe = list(items)
        yield
        unasked = set(siblings)
        items[:] = [item for item in items if item not in unasked]
        selected = set(items)
        absent = [item for item in universe if item not in selected]
        gathered = self._gather(items, absent)
        gathered.is_whole = not absent and self._children is None
        self.collection = self._with_stages(items, self._with_retries(items, gathered))
        self._gathered = list(items)

    def read(self, items: Sequence[pytest.Item]) -> Collection:
        """Return what the markers of ``items`` say."""
        specs, problems = self._read(items)
        collection = self._with_retries(items, Collection(tuple(specs), tuple(problems)))
        return self._with_stages(items, collection)

    def _with_stages(self, items: Sequence[pytest.Item], collection: Collection) -> Collection:
        """Settle to which stage each of ``items`` belongs: the last one, if none takes it."""
        stages = self._choice.stages
        if not stages:
            return collection
        taking = [self._choice.taking(item) for item in items]
        last = len(stages) - 1
        specs = tuple(
            replace(spec, stage=last if stage is None else stage)
            for spec, stage in zip(collection.specs, taking, strict=True)
        )
        stray = [spec.nodeid for spec, stage in zip(specs, taking, strict=True) if stage is None]
        notes = (*collection.notes, *_stray_notes(stray, stages[last].name))
        return replace(collection, specs=specs, notes=notes)

    def _with_retries(self, items: Sequence[pytest.Item], collection: Collection) -> Collection:
        """Settle how often each of ``items`` may be tried again."""
        if self._retries == RetrySettings() and not any(each.retries for each in collection.specs):
            return collection
        budgets = Budgets(self._retries)
        specs = tuple(
            spec if number == (spec.retries or 0) else replace(spec, retries=number)
            for spec, number in (
                (spec, budgets.of(item, spec.retries))
                for item, spec in zip(items, collection.specs, strict=True)
            )
        )
        misses = budgets.misses(items) if collection.is_whole else ()
        notes = (*collection.notes, *budgets.notes(), *misses)
        return replace(collection, specs=specs, notes=notes)

    @property
    def is_done(self) -> bool:
        """Whether collection got as far as reading markers."""
        return self._gathered is not None

    def narrow(self, items: Sequence[pytest.Item], cases: Sequence[int]) -> None:
        """Only ``items``, which are these ``cases`` of the collection, are this run's."""
        self.collection = self.collection.only(cases)
        self._gathered = list(items)

    def collection_of(self, items: Sequence[pytest.Item]) -> Collection:
        """Return what is known of ``items``; they are read anew if a plugin changed them since."""
        if self._gathered is None or list(items) != self._gathered:
            self.collection = self.read(items)
            self._gathered = list(items)
        return self.collection

    # reading

    def _gather(self, items: list[pytest.Item], absent: Sequence[pytest.Item]) -> Collection:
        specs, problems = self._read(items)
        if not absent or not any(map(_has_ties, specs)):
            return Collection(tuple(specs), tuple(problems))
        more_specs, more_problems = self._read(absent)
        missing = Absent(specs, more_specs)
        if self._missing is Missing.PULL:
            numbers = missing.closure()
            pulled = [absent[number] for number in numbers]
            items[:0] = pulled
            specs[:0] = [more_specs[number] for number in numbers]
            ids = {item.nodeid for item in pulled}
            problems += [problem for problem in more_problems if problem.nodeid in ids]
            self._undo_deselection(pulled)
            pulled_specs = [more_specs[number] for number in numbers]
            return Collection(tuple(specs), tuple(problems), notes=_pull_notes(pulled_specs))
        reasons = {
            case: f"{more_specs[number].nodeid} was deselected"
            for case, number in missing.needed_by.items()
        }
        if self._missing is Missing.RUN:
            notes = tuple(f"{specs[case].nodeid} runs although {reasons[case]}" for case in reasons)
            return Collection(missing.loosened(), tuple(problems), notes=notes)
        return Collection(missing.loosened(), tuple(problems), blocked=reasons)

    def _read(self, items: Iterable[pytest.Item]) -> tuple[list[CaseSpec], list[Problem]]:
        specs: list[CaseSpec] = []
        problems: list[Problem] = []
        hook = self._config.hook
        has_requirements = bool(hook.pytest_orchestra_requirements.get_hookimpls())
        has_scores = bool(hook.pytest_orchestra_score.get_hookimpls())
        for item in items:
            if has_requirements:
                problems += _add_requirements(item)
            spec, found = read_item(item, self._weights)
            problems += found
            if has_scores:
                spec, more = _add_score(item, spec)
                problems += more
            holds = self._claims.holds(item)
            if holds:
                spec = replace(spec, holds=holds)
            group = group_for(item, self._dist) or spec.group
            specs.append(spec if group == spec.group else replace(spec, group=group))
        return specs, problems

    # what was left out

    def _siblings(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Items of the files of which only some were asked for by node id, if any is needed."""
        if not self._children or not any(_has_ties(read_item(item)[0]) for item in items):
            return []
        known = set(items)
        found: list[pytest.Item] = []
        for children in tuple(self._children.values()):
            for child in children:
                if child not in self._children:
                    found += _expand(child)
        return [item for item in dict.fromkeys(found) if item not in known]

    def _undo_deselection(self, items: Sequence[pytest.Item]) -> None:
        """Let pytest's count of deselected tests say what is now true."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or "deselected" not in reporter.stats:
            return
        back = set(items)
        left = [item for item in reporter.stats["deselected"] if item not in back]
        reporter.stats["deselected"] = left
        if not left:
            del reporter.stats["deselected"]


def _expand(node: pytest.Item | pytest.Collector) -> Iterator[pytest.Item]:
    """Yield the items of ``node``; what cannot be collected was not asked for, and is passed over."""
    if isinstance(node, pytest.Item):
        yield node
        return
    try:
        children = list(node.collect())
    except (Exception, pytest.fail.Exception, pytest.skip.Exception):  # noqa: BLE001 - not asked for
        return
    for child in children:
        yield from _expand(child)


def _has_ties(spec: CaseSpec) -> bool:
    """Whether the case may need others that were left out."""
    return bool(spec.needs or spec.provides or spec.uses or spec.cleans)


def _pull_notes(pulled: Sequence[CaseSpec]) -> tuple[str, ...]:
    cleaners = [spec for spec in pulled if spec.cleans]
    others = [spec for spec in pulled if not spec.cleans]
    notes: list[str] = []
    if others:
        notes.append(f"{_pulled(others)} that others depend on: {_names(others)}")
    if cleaners:
        notes.append(f"{_pulled(cleaners)} to clean up: {_names(cleaners)}")
    return tuple(notes)


def _pulled(specs: Sequence[CaseSpec]) -> str:
    tests = "test" if len(specs) == 1 else "tests"
    return f"pulled back in {len(specs)} deselected {tests}"


def _names(specs: Sequence[CaseSpec]) -> str:
    names = ", ".join(spec.nodeid for spec in specs[:NAMED_PULLS])
    more = f" and {len(specs) - NAMED_PULLS} more" if len(specs) > NAMED_PULLS else ""
    return f"{names}{more}"


def _stray_notes(nodeids: Sequence[str], last: str) -> Iterator[str]:
    """Yield that tests which no stage takes belong to the ``last`` one, if there are any."""
    if nodeids:
        several = f"{len(nodeids)} tests, {nodeids[0]} among them, belong"
        tests = f"{nodeids[0]} belongs" if len(nodeids) == 1 else several
        yield f"{tests} to the last stage, {last}, since no stage takes them"


def _add_requirements(item: pytest.Item) -> list[Problem]:
    """Put the marks that pytest_orchestra_requirements returns on ``item``."""
    problems: list[Problem] = []
    for answer in item.ihook.pytest_orchestra_requirements(item=item):
        is_several = isinstance(answer, Iterable) and not isinstance(answer, str)
        marks = answer if is_several else [answer]
        for mark in marks:
            if isinstance(mark, pytest.MarkDecorator):
                item.add_marker(mark)
            else:
                problems.append(
                    Problem(
                        what=f"pytest_orchestra_requirements returned {mark!r} for {item.nodeid}",
                        remedy='return marks, such as pytest.mark.resources("db")',
                        nodeid=item.nodeid,
                    )
                )
    return problems


def _add_score(item: pytest.Item, spec: CaseSpec) -> tuple[CaseSpec, list[Problem]]:
    total = spec.priority
    for answer in item.ihook.pytest_orchestra_score(item=item):
        number = finite(answer)
        if number is None:
            problem = Problem(
                what=f"pytest_orchestra_score returned {show(answer)} for {item.nodeid}",
                remedy="return a number, or None for no opinion",
                nodeid=item.nodeid,
            )
            return spec, [problem]
        total += number
    return replace(spec, priority=total), []
