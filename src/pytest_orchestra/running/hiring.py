"""Starts workers the way they are needed, and meanwhile imports what will drive the run."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.budgets import pack_retries
from pytest_orchestra.running.handover import INPUT_KEY, Handover
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.journal import Address, create, remove
from pytest_orchestra.running.link import pack_fixtures
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.specs import is_plain, proxies_of
from pytest_orchestra.running.staff import Staff
from pytest_orchestra.running.stage_choice import pack_stages
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    import execnet
    from xdist.workermanage import WorkerController

#: How often a crashed worker is replaced, for each that there should be (as xdist does for -n).
RESTARTS_PER_WORKER: Final = 4


class Hiring:
    """Puts a channel and a journal into every worker's input."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that a run needs
        self,
        config: pytest.Config,
        settings: Settings,
        problems: tuple[Problem, ...],
        terminal: TerminalReport,
        sharing: Sharing | None,
        memory: Memory | None,
        staff: Staff | None = None,
    ) -> None:
        self._config = config
        self._settings = settings
        self._problems = problems
        self._terminal = terminal
        self._sharing = sharing
        self._memory = memory
        self._staff = staff
        # execnet takes nothing but builtin types.
        life = sharing.life(read_host().key) if sharing is not None else None
        self._life = (life.directory, life.run, life.host) if life is not None else None
        self._journals: list[Address] = []
        self._hosts = Hosts()
        if config.option.maxworkerrestart is None:
            # With --tx alone xdist would restart a worker that cannot even start for ever.
            config.option.maxworkerrestart = str(RESTARTS_PER_WORKER * len(config.option.tx))

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_setupnodes(self, specs: list[execnet.XSpec]) -> None:
        """See whether workers can run where they are to run, if that is not all here.

        With ``-n auto``, take out of ``specs`` those that are not started yet.
        """
        if self._staff is not None:
            self._staff.choose(specs, self._settings.fixtures)
        if all(map(is_plain, specs)):
            return
        from pytest_orchestra.running.probe import Site, probe_hosts  # noqa: PLC0415 - if needed

        roots = self._config.pluginmanager.getplugin("dsession").nodemanager.roots
        site = Site.of(self._config, roots)
        _refuse(probe_hosts(specs, proxies_of(self._config), site, self._hosts))

    def _probe_proxies(self) -> None:
        from pytest_orchestra.running.probe import probe_proxies  # noqa: PLC0415 - if needed

        _refuse(probe_proxies(proxies_of(self._config)))

    @pytest.hookimpl
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Give the worker its channel, and tell it what only we have read."""
        journal = create()
        self._journals.append(journal)
        node.workerinput[INPUT_KEY] = Handover(
            channel=node.gateway.newchannel(),
            journal=journal,
            missing=str(self._settings.missing),
            dist=self._config.option.dist,
            fixtures=pack_fixtures(self._settings.fixtures),
            retries=pack_retries(self._settings.retries),
            weights=dict(self._settings.priority),
            stages=pack_stages(self._settings.stages),
            life=self._life,
        )
        if self._staff is not None:
            node.workerinput["workercount"] = self._staff.limit

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None, Any, Any]:
        """Once xdist has started the workers, import and register the rest while they collect."""
        if self._config.option.px:
            self._probe_proxies()  # xdist is about to go through them
        result = yield
        from pytest_orchestra.running.distributed import Distributed  # noqa: PLC0415 - see above
        from pytest_orchestra.running.opening import Opening  # noqa: PLC0415 - see above

        if self._memory is not None:
            self._memory.load()
        manager = self._config.pluginmanager
        opening = Opening(
            self._config,
            self._settings,
            self._problems,
            self._terminal,
            self._sharing,
            self._memory,
        )
        manager.register(opening, "orchestra-opening")
        distributed = Distributed(self._config, opening, self._hosts, self._staff)
        manager.register(distributed, "orchestra-controller")
        return result

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """Remove the journals of workers that never came to use them."""
        for journal in self._journals:
            remove(journal)


def _refuse(problems: Iterable[Problem]) -> None:
    """Raise a usage error if there are any problems."""
    found = tuple(problems)
    if found:
        raise pytest.UsageError(str(UsageProblems(found)))
