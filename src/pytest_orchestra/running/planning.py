"""``--orchestrate-plan`` and ``--orchestrate-explain``: what a run would do, and no test runs."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.reports.last_run import last_run_path
from pytest_orchestra.reports.plan.text import wrapped
from pytest_orchestra.running.bodies import digest_bodies
from pytest_orchestra.running.collect import COLLECTING, Collecting
from pytest_orchestra.running.explaining import explain_lines
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.matrix import Matrix
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.own_part import OwnPart
from pytest_orchestra.running.paper import Paper
from pytest_orchestra.running.plan import Scaling
from pytest_orchestra.running.serial import MAIN
from pytest_orchestra.running.shared_fixtures import read_kits
from pytest_orchestra.running.target import find_target
from pytest_orchestra.running.terminal import TerminalReport, crew_lines, order_lines
from pytest_orchestra.scales import SCALES
from pytest_orchestra.scheduling.engine import Tuning
from pytest_orchestra.settings import Settings

EXPLAIN_OPTION: Final = "--orchestrate-explain"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who would run the tests: names of workers, ``dist`` as the user gave it, and whether all are here."""

    workers: tuple[str, ...]
    dist: str = "no"
    are_all_here: bool = True

    @property
    def tuning(self) -> Tuning | None:
        """How far ahead work is sent."""
        if self.dist == "no":
            return None
        from pytest_orchestra.running.distributed import HORIZON  # noqa: PLC0415 - it needs xdist

        return Tuning(horizon=HORIZON)


def leave_reports_alone(config: pytest.Config) -> None:
    """Let nobody write the report of a run in the place of an earlier one's, since nothing runs."""
    for name in ("xmlpath", "htmlpath", "report_log"):
        if hasattr(config.option, name):
            setattr(config.option, name, None)
    # pytest-cov has options of its own by now, and would miss the coverage of what does not run.
    coverage = getattr(config.pluginmanager.getplugin("_cov"), "options", None)
    if coverage is not None and hasattr(coverage, "no_cov"):
        coverage.no_cov = True


def configure_planning(
    config: pytest.Config,
    settings: Settings,
    problems: tuple[Problem, ...],
    terminal: TerminalReport,
) -> None:
    """Register what collects the tests in this process, and plans their run; no worker is started."""
    paper = Paper.open(config)
    crew = _send_home(config)
    memory = Memory.open(config, settings, terminal)
    opening = Opening(config, settings, problems, terminal, None, memory, is_timed=False)
    claims = FixtureClaims(settings.fixtures)
    collecting = Collecting(
        config,
        settings.missing,
        crew.dist,
        claims,
        settings.priority,
        settings.retries,
        settings.stages,
    )
    manager = config.pluginmanager
    manager.register(opening, "orchestra-opening")
    manager.register(collecting, COLLECTING)
    Matrix.register(manager, settings.stages)
    planning = Planning(config, settings, opening, collecting, crew, paper)
    manager.register(planning, "orchestra-planning")


def _send_home(config: pytest.Config) -> Crew:
    """Let xdist start no workers; return who would have come."""
    option = config.option
    specs: list[str] = list(getattr(option, "tx", None) or ())
    dist: str = getattr(option, "dist", "no")
    for name, value in (("dist", "no"), ("tx", [])):
        if hasattr(option, name):
            setattr(option, name, value)
    if dist == "no" or not specs:
        return Crew((MAIN,))
    from execnet import XSpec  # noqa: PLC0415 - it is there if xdist is, which gave them
    from xdist.workermanage import parse_tx_spec_config  # noqa: PLC0415 - as above

    from pytest_orchestra.running.specs import is_plain  # noqa: PLC0415 - as above

    option.tx = specs
    wanted = parse_tx_spec_config(config)
    option.tx = []
    names = tuple(f"gw{number}" for number in range(len(wanted)))
    return Crew(names, dist, all(is_plain(XSpec(each)) for each in wanted))


def _afterwards(config: pytest.Config, nodeid: str) -> Iterator[str]:
    """Yield how to learn why a test began when it did in the last run, if the record of one is there."""
    record = last_run_path(config.rootpath)
    if record.is_file():
        command = ["pytest-orchestra", "explain", nodeid]
        if not config.invocation_params.dir.is_relative_to(config.rootpath):
            command.append(str(record))  # the command would look above the current directory
        yield "why it began when it did in the last run is told by"
        yield f"  {shlex.join(command)}"


class Planning:
    """Plugin that takes the place of the loop over all tests."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that a plan needs
        self,
        config: pytest.Config,
        settings: Settings,
        opening: Opening,
        collecting: Collecting,
        crew: Crew,
        paper: Paper,
    ) -> None:
        self._config = config
        self._settings = settings
        self._opening = opening
        self._collecting = collecting
        self._crew = crew
        self._paper = paper
        self._part = OwnPart(config, opening, collecting)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None]:
        """Leave what a run would leave out."""
        self._part.prepare(items)
        yield
        self._part.take(session, items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Plan, unless pytest's own loop has something else to say."""
        option = self._config.option
        option.collectonly = True  # so nobody takes it for a run in which nothing was covered
        if session.testsfailed and not option.continue_on_collection_errors:
            return None
        if session.items:
            self._tell(session)
        return True

    def _tell(self, session: pytest.Session) -> None:
        wanted: str | None = self._config.getoption("orchestrate_explain")
        nodeids = [item.nodeid for item in session.items]
        target = None if wanted is None else self._find(wanted, nodeids)
        foretelling = self._foretell(session)
        plan = foretelling.tell(self._notes(foretelling))
        sharding = self._opening.sharding
        if sharding is not None:
            plan = replace(plan, run=replace(plan.run, shard=sharding.record))
        if self._config.getoption("orchestrate_plan"):
            self._paper.write(plan)
            self._paper.show(plan)
        if target is not None:
            case = nodeids.index(target)
            lines = explain_lines(foretelling, plan, case, self._opening.recollection)
            pieces = (piece for line in lines for piece in wrapped(line, self._paper.width))
            told = (target, *pieces, *_afterwards(self._config, target))
            self._paper.section("orchestra: explanation, no test is run", told)
        self._paper.remark()

    def _find(self, wanted: str, nodeids: Sequence[str]) -> str:
        """Return the node id of the test that the user means; raises pytest.UsageError if it is not just one."""
        sharding = self._opening.sharding
        if sharding is not None and wanted not in nodeids and self._opening.has_elsewhere(wanted):
            raise pytest.UsageError(
                f"{EXPLAIN_OPTION} {wanted}: it is in another shard than {sharding.shard}; give that "
                "one, or none"
            )
        return find_target(EXPLAIN_OPTION, wanted, nodeids, self._config)

    def _foretell(self, session: pytest.Session) -> Foretelling:
        crew, items = self._crew, session.items
        kits = read_kits(items)
        scales = self._config.stash.get(SCALES, False) and len(crew.workers) > 1
        plan = self._opening.draft(
            self._collecting.collection_of(items),
            len(crew.workers),
            (Hosts().meet(read_host()),),
            digest_bodies(items),
            crew.tuning,
            # In one process tests are not ordered by fixtures.
            None if crew.tuning is None else kits,
            # Who would be started for tests that wait does not depend on how long that takes.
            scaling=Scaling(len(crew.workers), 0.0) if scales else None,
        )
        workers = crew.workers if plan.crew is None else crew.workers[: plan.crew.most]
        recalled = self._opening.recollection
        remembered = frozenset(recalled.seconds if recalled is not None else ())
        return Foretelling(plan, workers, kits, remembered, self._settings.stages)

    def _notes(self, foretelling: Foretelling) -> list[str]:
        plan = foretelling.plan
        notes = [*plan.notes, *order_lines(plan.order, plan.foresight)]
        if plan.crew is not None:
            notes += crew_lines(plan.crew, len(self._crew.workers))
        if not self._crew.are_all_here:
            notes.append("workers elsewhere are planned as if they were on this machine")
        return notes
