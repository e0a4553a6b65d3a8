"""When workers are held back, how far, and when no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_orchestra.model.pressure import PressureRecord, Scarce
from pytest_orchestra.scheduling.pressure import STEP, Governor, Strain

GB = 1 << 30
CALM = Strain(cpu_stall=0.0, load=0.5, memory_stall=0.0, available=12 * GB, total=16 * GB)
NO_MEMORY = replace(CALM, memory_stall=34.0, available=2 * GB)
NO_CORES = replace(CALM, cpu_stall=99.0, load=9.0)


def looks(governor: Governor, *strains: Strain, workers: int = 4) -> list[int | None]:
    """Let a governor look every few seconds, and return how many workers may be busy after each."""
    found: list[int | None] = []
    for number, strain in enumerate(strains):
        busy = workers if governor.most is None else governor.most
        governor.look(strain, busy, workers, number * STEP)
        found.append(governor.most)
    return found


def test_step_by_step_and_never_below_one() -> None:
    """Half of the workers are held back at each step, down to one, and come back in steps."""
    governor = Governor(governs_cpu=False)
    strains = [NO_MEMORY] * 3 + [CALM] * 3
    assert looks(governor, *strains) == [2, 1, 1, 2, 3, None]
    assert governor.scarce is None
    assert governor.records(100.0) == (PressureRecord(Scarce.MEMORY, 0.0, 5 * STEP, 1),)


def test_steps_take_their_time() -> None:
    """Between two steps the averages of the kernel get the time to show what came of the first."""
    governor = Governor(governs_cpu=False)
    assert governor.look(NO_MEMORY, 4, 4, 10.0)
    assert not governor.look(NO_MEMORY, 2, 4, 10.0 + STEP / 2)
    assert governor.most == 2
    assert governor.look(NO_MEMORY, 2, 4, 10.0 + STEP)
    assert governor.most == 1


def test_idle_workers_are_none_to_hold_back() -> None:
    """Of four workers of which two are busy, one is held back at first, not two."""
    governor = Governor(governs_cpu=False)
    assert governor.look(NO_MEMORY, 2, 4, 0.0)
    assert governor.most == 1


def test_a_single_worker_is_never_held_back() -> None:
    """With one worker there is nothing to do about it, and nothing is said."""
    governor = Governor(governs_cpu=True)
    assert looks(governor, NO_MEMORY, NO_CORES, workers=1) == [None, None]
    assert not governor.records(10.0)


@pytest.mark.parametrize(
    "strain",
    [
        Strain(),
        CALM,
        replace(CALM, memory_stall=34.0),  # others fight for a group's memory, there is enough
        replace(CALM, available=2 * GB),  # little is left, and nobody misses it
        replace(CALM, available=None, memory_stall=90.0),
        replace(CALM, total=0),
        replace(CALM, cpu_stall=99.0, load=3.0),  # three runs on as many workers as cores
        replace(CALM, cpu_stall=20.0, load=9.0),  # they sleep
        replace(CALM, cpu_stall=99.0, load=None),
    ],
)
def test_what_is_bearable(strain: Strain) -> None:
    """Usual loads, and what is not known, hold nobody back."""
    assert looks(Governor(governs_cpu=True), strain) == [None]


@pytest.mark.parametrize(
    "strain",
    [
        NO_MEMORY,
        replace(CALM, memory_stall=None, available=GB // 2),
        replace(CALM, memory_stall=0.0, available=GB // 2),
    ],
)
def test_short_of_memory(strain: Strain) -> None:
    """Memory is short when little is left and tasks wait for it, or as good as nothing is left."""
    governor = Governor(governs_cpu=False)
    assert looks(governor, strain) == [2]
    assert governor.scarce is Scarce.MEMORY


@pytest.mark.parametrize("strain", [NO_CORES, replace(NO_CORES, cpu_stall=None)])
def test_short_of_cores(strain: Strain) -> None:
    """Only a crowd on the cores holds back, and only where the number of workers was left to us."""
    assert looks(Governor(governs_cpu=False), strain) == [None]
    governor = Governor(governs_cpu=True)
    assert looks(governor, strain) == [2]
    assert governor.scarce is Scarce.CPU


@pytest.mark.parametrize(
    ("first", "between"),
    [
        (NO_MEMORY, replace(CALM, memory_stall=5.0, available=3 * GB)),
        (NO_MEMORY, replace(CALM, memory_stall=0.0, available=GB)),
        (NO_CORES, replace(CALM, cpu_stall=70.0, load=6.0)),
    ],
)
def test_it_takes_less_to_go_on_than_to_begin(first: Strain, between: Strain) -> None:
    """What would not have begun it does not end it either."""
    assert looks(Governor(governs_cpu=True), between) == [None]
    assert looks(Governor(governs_cpu=True), first, between) == [2, 1]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (NO_MEMORY, replace(CALM, memory_stall=1.0, available=2 * GB)),
        (NO_MEMORY, replace(CALM, memory_stall=50.0, available=5 * GB)),
        (NO_MEMORY, replace(CALM, memory_stall=None, available=2 * GB)),
        (NO_CORES, replace(CALM, cpu_stall=99.0, load=2.0)),
        (NO_CORES, replace(CALM, cpu_stall=50.0, load=9.0)),
    ],
)
def test_over(first: Strain, then: Strain) -> None:
    """It is over when there is enough again, or nobody waits for what there is."""
    assert looks(Governor(governs_cpu=True), first, then, then) == [2, 3, None]


def test_one_kind_after_the_other() -> None:
    """When cores get scarce while memory is, both are on record, one after the other."""
    governor = Governor(governs_cpu=True)
    assert looks(governor, NO_MEMORY, NO_CORES, NO_CORES, workers=8) == [4, 2, 1]
    assert governor.records(10 * STEP) == (
        PressureRecord(Scarce.MEMORY, 0.0, STEP, 4),
        PressureRecord(Scarce.CPU, STEP, 9 * STEP, 1),
    )
