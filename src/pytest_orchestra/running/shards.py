"""One run of several that share a suite: which tests are its own, and what the user is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.shard import Shard, ShardRecord
from pytest_orchestra.running import shard_durations
from pytest_orchestra.running.shard_choice import DURATIONS_OPTION
from pytest_orchestra.running.shard_durations import Durations
from pytest_orchestra.scheduling.sharding import Partition, Unit
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    from pytest_orchestra.running.memory import Memory
    from pytest_orchestra.running.terminal import TerminalReport

#: The directory beside the history for durations that shards have in common.
FOLDER: Final = "shards"

#: So many units that are too large are named.
_NAMED: Final = 3


class Sharding:
    """What this run knows of its shard.

    ``given`` is the file of durations that the user named; ``memory`` may be None.
    """

    def __init__(
        self, shard: Shard, given: Path | None, memory: Memory | None, terminal: TerminalReport
    ) -> None:
        self.shard: Final = shard
        self.record: ShardRecord | None = None
        self._given = given
        self._memory = memory
        self._terminal = terminal

    @classmethod
    def open(
        cls,
        config: pytest.Config,
        settings: Settings,
        memory: Memory | None,
        terminal: TerminalReport,
    ) -> Sharding | None:
        """Return what the user wants, None for no shards."""
        if settings.shard is None:
            return None
        durations = config.getoption("orchestrate_shard_durations")
        given = config.invocation_params.dir / Path(durations).expanduser() if durations else None
        return cls(settings.shard, given, memory, terminal)

    def settle(self, nodeids: Sequence[str], known: Durations) -> Durations:
        """Return the durations to cut by: what all shards go by, else what is ``known`` here."""
        known = known.rounded()
        if self._given is not None:
            found = self._settle_given(self._given, known)
            if found.tests and nodeids and not found.tests.keys() & set(nodeids):
                self._terminal.alarm(
                    f"{self._given} knows none of the tests that were collected, so shards are not "
                    f"balanced by it; write {DURATIONS_OPTION}=FILE, with the sign, if the file is "
                    "outside of the root directory",
                    yellow=True,
                )
            return found
        if self._memory is None:
            return known
        folder = self._memory.path.parent / FOLDER
        commit = self._memory.commit
        key = hashlib.sha256("\n".join((commit or "", *sorted(nodeids))).encode("utf-8", "replace"))
        path = folder / f"{key.hexdigest()[:24]}.json"
        try:
            self._memory.prepare()
            folder.mkdir(exist_ok=True)
            shard_durations.tidy(folder, path, lasts=commit is not None)
            return _common(path, known)
        except (OSError, ValueError) as error:
            self._terminal.alarm(
                f"shards are cut by what this one knows, since {path} cannot be used: {error}; "
                f"name a file with {DURATIONS_OPTION}",
                yellow=True,
            )
            return known

    def _settle_given(self, path: Path, known: Durations) -> Durations:
        try:
            return _common(path, known)
        except (OSError, ValueError) as error:
            what = f"{DURATIONS_OPTION}: {getattr(error, 'strerror', None) or error}"
            remedy = "name a file that this plugin or pytest-split wrote, or one that can be made"
            problem = Problem(what, remedy, str(path))
            raise pytest.UsageError(str(UsageProblems([problem]))) from None

    def take(self, specs: Sequence[CaseSpec], partition: Partition) -> tuple[int, ...]:
        """Return the cases of this shard, and tell the user about it."""
        shard = self.shard
        self.record = ShardRecord(
            shard.index,
            shard.count,
            partition.digest,
            partition.sizes,
            partition.seconds,
            partition.is_timed,
        )
        if len(specs):
            self._terminal.line(share_line(self.record))
            for text in oversized_lines(partition, lambda case: specs[case].nodeid):
                self._terminal.line(text, yellow=True)
        return partition.cases(shard.index)

    @property
    def is_empty(self) -> bool:
        """Whether there are tests, but none for this shard."""
        record = self.record
        return record is not None and record.collected > 0 and not record.sizes[record.index - 1]


def _common(path: Path, known: Durations) -> Durations:
    """Return what stands in ``path``; if there is no such file, write down what is ``known``."""
    found = shard_durations.read(path)
    if found is None:
        if shard_durations.write_first(path, known):
            return known
        found = shard_durations.read(path)
    return known if found is None else found


def share_line(record: ShardRecord) -> str:
    """Return what this shard is to run, and of how much."""
    size, seconds = record.sizes[record.index - 1], record.seconds[record.index - 1]
    name = f"shard {record.index}/{record.count}"
    tests = "1 test" if record.collected == 1 else f"{record.collected} tests"
    if not size:
        return f"{name} is empty: there is too little to share out; partition {record.digest}"
    text = f"{name}: {size} of {tests}"
    if record.is_timed:
        low, high = min(record.seconds), max(record.seconds)
        text += f", {seconds:.1f} s of tests (shards have {low:.1f} to {high:.1f} s)"
    else:
        text += ", cut by number, since the first shard knew no durations"
    return f"{text}; partition {record.digest}"


def oversized_lines(partition: Partition, name: Callable[[int], str]) -> Iterator[str]:
    """Yield which units take more than a shard's share; ``name`` gives the node id of a case."""
    units = partition.oversized
    for unit in units[:_NAMED]:
        yield _oversized(unit, partition, name)
    if len(units) > _NAMED:
        yield f"and {len(units) - _NAMED} more that cannot be split"


def _oversized(unit: Unit, partition: Partition, name: Callable[[int], str]) -> str:
    others = len(unit.cases) - 1
    more = "1 other test" if others == 1 else f"{others} other tests"
    who = f"cannot be split: {name(unit.cases[0])} and {more} hang together"
    if not partition.is_timed:
        return f"{who}, more than a shard's share of {partition.share:.1f} tests"
    return (
        f"{who} and take {unit.seconds:.1f} s, more than a shard's share of {partition.share:.1f} s"
    )
