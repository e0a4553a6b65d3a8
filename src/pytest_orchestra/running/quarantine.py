"""Tests in quarantine: read before the run, and ruled on at its end.

The rule is applied once all attempts of all tests are known. Nothing that it lets through has
failed in the end, so neither ``-x`` nor ``session.testsfailed`` has to know of it; what it does not let
through although it passed in the end fails the run as a whole.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_orchestra.model.flakes import QuarantineRecord
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.memory import gone_from
from pytest_orchestra.settings import DEFAULT_QUARANTINE, NO_QUARANTINE

if TYPE_CHECKING:
    import pytest

    from pytest_orchestra.history.judgement.judge import Judgement
    from pytest_orchestra.history.judgement.quarantine import Entry
    from pytest_orchestra.model.case import CaseSpec
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.collect import Collection
    from pytest_orchestra.settings import Settings

#: Plugins that try tests again, by their names in pytest's plugin manager.
_PEERS: Final = ("rerunfailures", "pytest_rerunfailures", "pytest-retry", "flaky")

_REMEDY: Final = "make it with pytest-orchestra flaky --add, or take the setting out"


class Quarantine:
    """The tests in quarantine by the file ``shown``.

    ``has_repeater``: another plugin may try failed tests again.
    """

    def __init__(
        self, entries: tuple[Entry, ...], shown: str, root: Path, *, has_repeater: bool
    ) -> None:
        self._entries = {entry.nodeid: entry for entry in entries}
        self._shown = shown
        self._root = root
        self._has_repeater = has_repeater

    @property
    def nodeids(self) -> Names[str]:
        """The tests with an entry."""
        return self._entries.keys()

    def notes(self, collection: Collection) -> Iterator[str]:
        """Yield what the user should know before the run of this ``collection``."""
        if not self._entries:
            return
        collected = {spec.nodeid for spec in collection.specs}
        is_gone = gone_from(collection, self._root)
        today = date.today()  # noqa: DTZ011 - days of people are local
        for entry in self._entries.values():
            where = f"{self._shown}:{entry.line}" if entry.line else self._shown
            if entry.nodeid in collected:
                if entry.is_expired(today):
                    yield (
                        f"{where}: the entry of {entry.nodeid} expired on {entry.expires}, so its failures "
                        f"fail the run again: mend the test or renew the entry ({entry.owner})"
                    )
            elif is_gone(entry.nodeid):
                yield (
                    f"{where}: there is no test {entry.nodeid} any more: take the entry out "
                    "(pytest-orchestra flaky --prune)"
                )
        once = [each for each in collection.specs if self._is_tried_once(each)]
        if once:
            tests = once[0].nodeid if len(once) == 1 else f"{len(once)} of its tests"
            yield (
                f"quarantine lets nothing through of {tests}: after a single attempt a regression looks "
                "the same as a flake, so have failures tried again (--orchestrate-retries)"
            )

    def _is_tried_once(self, spec: CaseSpec) -> bool:
        return not self._has_repeater and not spec.retries and spec.nodeid in self._entries

    def rule(
        self, record: RunRecord, before: Mapping[str, Judgement]
    ) -> tuple[QuarantineRecord, ...]:
        """Return what becomes of the tests that failed; ``before`` judges them by earlier runs."""
        if not self._entries:
            return ()
        return tuple(self._rule(record, before))

    def _rule(
        self, record: RunRecord, before: Mapping[str, Judgement]
    ) -> Iterator[QuarantineRecord]:
        # Most runs have nothing in quarantine, and need none of this.
        from pytest_orchestra.history.judgement.judge import judge  # noqa: PLC0415
        from pytest_orchestra.history.judgement.quarantine import rule  # noqa: PLC0415
        from pytest_orchestra.history.observing import (  # noqa: PLC0415
            has_failed,
            observe_attempts,
            tried,
        )

        today = date.today()  # noqa: DTZ011 - as above
        for case, each in enumerate(record.cases):
            entry = self._entries.get(each.spec.nodeid)
            if entry is None or not has_failed(each.attempts):
                continue
            judgement = before.get(entry.nodeid) or judge(())
            ruling = rule(entry, judgement, observe_attempts(tried(each.attempts)), today)
            yield QuarantineRecord(
                case, entry.owner, entry.reason, entry.expires, ruling.gates, ruling.sentence
            )


def open_quarantine(
    config: pytest.Config, settings: Settings
) -> tuple[Quarantine, tuple[Problem, ...]]:
    """Return the quarantine that the user wants, and what is wrong with its file."""
    root = config.rootpath
    wish = settings.quarantine or DEFAULT_QUARANTINE
    path = root / Path(wish).expanduser()
    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    if wish != NO_QUARANTINE and (settings.quarantine is not None or path.exists()):
        entries, problems = _read(path, wish)
    return Quarantine(entries, wish, root, has_repeater=_has_repeater(config)), problems


def _read(path: Path, shown: str) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    from pytest_orchestra.history.judgement.quarantine_file import (  # noqa: PLC0415 - only if needed
        read_entries,
    )

    try:
        return read_entries(path.read_text(encoding="utf-8"), shown)
    except FileNotFoundError:
        what, remedy = "the file of tests in quarantine is not there", _REMEDY
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        remedy = "make it a file of TOML, in UTF-8"
    return (), (Problem(what, remedy, shown),)


def _has_repeater(config: pytest.Config) -> bool:
    return any(map(config.pluginmanager.has_plugin, _PEERS))
