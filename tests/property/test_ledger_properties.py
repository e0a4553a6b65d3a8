"""Ledgers against a model that keeps one list of all tickets and adds up from scratch.

Not checked here: several processes at once, which ``tests/e2e/test_machine.py`` has for real.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledgers import DAMAGES, die

from pytest_orchestra.machine import Grant, Ledger, Supply, hold_life

#: Two ways to declare the same resources; the runs need not agree.
DECLARED: Final = (
    {"db": Supply.of(3), "gpu": Supply.of(("a", "b")), "box": Supply.of(2, slots=2)},
    {"db": Supply.of(2), "gpu": Supply.of(("b", "c", "d")), "box": Supply.of(2, slots=3)},
)

WISHES: Final = st.dictionaries(
    st.sampled_from(("db", "gpu", "box")), st.sampled_from((1, 1, 2)), min_size=1
)
PICK: Final = st.integers(0, 1000)


@dataclass
class Run:
    """What the model knows of a run."""

    ledger: Ledger
    supplies: Mapping[str, Supply]
    alive: bool = True


@dataclass
class Wish:
    """What the model knows of a ticket."""

    run: Run
    id: str
    wants: Mapping[str, int]
    got: Mapping[str, tuple[str, ...]] | None = None

    def slots_of(self, resource: str) -> tuple[str, ...]:
        """Return on which instances it has a slot."""
        return (self.got or {}).get(resource, ())


def pick_least(supply: Supply, used: Counter[str], amount: int) -> list[str]:
    """Return the instances with most room, or all that have any, if those are fewer."""
    free = [each for each in supply.instances if used[each] < supply.slots]
    return sorted(free, key=lambda each: used[each])[:amount]


class LedgerMachine(RuleBasedStateMachine):
    """Runs come, ask, give back and leave or are killed."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.runs: list[Run] = []
        self.wishes: list[Wish] = []
        self.next = 0

    @precondition(lambda self: len(self.runs) < 5)
    @rule(declared=st.sampled_from(DECLARED))
    def join(self, declared: Mapping[str, Supply]) -> None:
        """Another run begins."""
        path = Path(self.directory.name) / "ledger"
        self.runs.append(Run(Ledger.open(path, project="", supplies=declared), declared))

    @precondition(lambda self: self.runs)
    @rule(pick=PICK, wants=WISHES)
    def request(self, pick: int, wants: dict[str, int]) -> None:
        """Whoever can be served is, and whoever can not is not."""
        run = self.run(pick)
        wish = Wish(run, f"t{self.next}", wants)
        self.next += 1
        self.wishes.append(wish)
        expected = self.expected(run)
        grant = run.ledger.request(wish.id, wants, wish.id)
        assert (grant is not None) == (wish in expected)
        self.grant(run, [] if grant is None else [grant])
        self.grant(run, run.ledger.poll())
        assert all(each.got is not None for each in expected)

    @precondition(lambda self: self.runs)
    @rule(pick=PICK)
    def poll(self, pick: int) -> None:
        """Exactly those are granted whose turn it is."""
        run = self.run(pick)
        expected = self.expected(run)
        granted = run.ledger.poll()
        assert {each.ticket_id for each in granted} == {each.id for each in expected}
        self.grant(run, granted)

    @precondition(lambda self: self.wishes)
    @rule(pick=PICK)
    def give_back(self, pick: int) -> None:
        """A ticket is given back, granted or not."""
        wish = self.wishes.pop(pick % len(self.wishes))
        wish.run.ledger.give_back(wish.id)

    @precondition(lambda self: self.runs)
    @rule(pick=PICK, leaves=st.booleans())
    def end(self, pick: int, leaves: bool) -> None:  # noqa: FBT001
        """A run leaves, or is killed."""
        run = self.run(pick)
        if leaves:
            run.ledger.close()
        else:
            die(run.ledger)
        self.runs.remove(run)
        self.wishes = [each for each in self.wishes if each.run is not run]

    @precondition(lambda self: self.runs)
    @rule(pick=PICK)
    def end_while_a_worker_lives(self, pick: int) -> None:
        """What it had stays taken until the worker has ended."""
        run = self.run(pick)
        life = hold_life(run.ledger.directory, run.ledger.run, "gw0")
        die(run.ledger)
        others = [each for each in self.runs if each is not run]
        for each in others:
            expected = self.expected(each)
            granted = each.ledger.poll()
            assert {grant.ticket_id for grant in granted} == {wish.id for wish in expected}
            self.grant(each, granted)
        life.close()
        self.runs.remove(run)
        self.wishes = [each for each in self.wishes if each.run is not run]

    @precondition(lambda self: self.runs)
    @rule(pick=PICK, damage=st.sampled_from(sorted(DAMAGES)))
    def damage(self, pick: int, damage: str) -> None:
        """Files are destroyed, and every run looks after its own."""
        DAMAGES[damage](self.run(pick).ledger)
        for run in self.runs:
            run.ledger.holders("db")

    @invariant()
    def everybody_sees_the_same(self) -> None:
        """All that is held, and all that waits, in order."""
        for run in self.runs:
            for resource in ("db", "gpu", "box"):
                holders = run.ledger.holders(resource)
                wishes = [each for each in self.wishes if resource in each.wants]
                waiting = [each.id for each in wishes if each.got is None]
                assert [each.what for each in holders if each.waiting] == waiting
                assert {(each.what, each.amount, each.names) for each in holders} == {
                    (each.id, each.wants[resource], each.slots_of(resource)) for each in wishes
                }

    def teardown(self) -> None:
        """When all have given back, whoever wants everything gets it."""
        for wish in self.wishes:
            wish.run.ledger.give_back(wish.id)
        for run in self.runs:
            everything = {name: each.capacity for name, each in run.supplies.items()}
            assert run.ledger.request("all", everything, "")
            run.ledger.close()
        self.directory.cleanup()

    # the model

    def run(self, pick: int) -> Run:
        """Return one of the runs that live."""
        return self.runs[pick % len(self.runs)]

    def expected(self, run: Run) -> list[Wish]:
        """Return whose turn it is, of those of ``run``."""
        found: list[Wish] = []
        for at, wish in enumerate(self.wishes):
            if wish.run is not run or wish.got is not None:
                continue
            earlier = [each for each in self.wishes[:at] if each.got is None and each not in found]
            if any(set(each.wants) & set(wish.wants) for each in earlier):
                continue
            if all(self.has_room(run, found, *want) for want in wish.wants.items()):
                found.append(wish)
        return found

    def has_room(self, run: Run, found: list[Wish], resource: str, amount: int) -> bool:
        """Whether there is so much; what was ``found`` before is out, on unknown instances."""
        supply = run.supplies[resource]
        held = [each for each in self.wishes if each.got is not None]
        out = sum(each.wants.get(resource, 0) for each in [*held, *found])
        if out + amount > supply.capacity:
            return False
        if not supply.instances or amount == supply.capacity:
            return True
        used = Counter(name for each in held for name in each.slots_of(resource))
        for each in found:
            for name in pick_least(supply, used, each.wants.get(resource, 0)):
                used[name] += 1
        return len(pick_least(supply, used, amount)) == amount

    def grant(self, run: Run, grants: list[Grant]) -> None:
        """Note what was granted, which must be what was wanted, on instances that were free."""
        for grant in grants:
            (wish,) = (
                each for each in self.wishes if (each.run, each.id) == (run, grant.ticket_id)
            )
            assert wish.got is None
            for resource, names in grant.names.items():
                self.check(run, resource, wish.wants[resource], names)
            assert grant.names.keys() == wish.wants.keys()
            wish.got = grant.names

    def check(self, run: Run, resource: str, amount: int, names: tuple[str, ...]) -> None:
        """Assert that the claim was met by what this run knows and nobody has."""
        supply = run.supplies[resource]
        held = [each for each in self.wishes if each.got is not None]
        assert sum(each.wants.get(resource, 0) for each in held) + amount <= supply.capacity
        used = Counter(name for each in held for name in each.slots_of(resource))
        assert set(names) <= set(supply.instances)
        assert len(names) == len(set(names)) == (amount if supply.instances else 0)
        assert all(used[name] < supply.slots for name in names)


LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestLedger = LedgerMachine.TestCase
