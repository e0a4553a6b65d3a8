from pytest_orchestra.scheduling.ready import MOST_COMPARED, Key, ReadyQueue


def anything(_signature: int, _key: Key) -> bool:
    """Let everything fit."""
    return True


def queue(
    levels: list[int], signatures: list[int] | None = None, segments: list[int] | None = None
) -> ReadyQueue:
    """Return a queue with every case in it."""
    ready = ReadyQueue(levels, signatures or [0] * len(levels), segments or [0] * len(levels))
    for case in range(len(levels)):
        ready.add(case)
    return ready


def drain(ready: ReadyQueue, worker: str = "w1", segment: int | None = None) -> list[int]:
    """Take out all that ``worker`` may have, best first."""
    taken = []
    while key := ready.best(worker, segment, anything):
        taken.append(key[2])
        ready.remove(key[2])
    return taken


def test_the_smallest_level_goes_first() -> None:
    """Ties are broken by the order of the collection, over all signatures."""
    assert drain(queue([2, 1, 1, 0], [0, 1, 0, 1])) == [3, 1, 2, 0]


def test_an_empty_queue_has_nothing() -> None:
    """Neither before anything was added nor after all was removed."""
    ready = queue([])
    assert ready.best("w1", None, anything) is None
    assert drain(queue([0])) == [0]


def test_nearness_decides_between_equals() -> None:
    """The worker's own segment, then one that nobody is in, then another worker's."""
    ready = queue([0] * 6, segments=[0, 0, 1, 1, 2, 2])
    ready.attend(None, 0)
    ready.attend(None, 1)
    assert drain(ready, segment=1) == [2, 3, 4, 5, 0, 1]


def test_a_better_level_goes_before_nearness() -> None:
    """A worker leaves its segment for what is more urgent."""
    ready = queue([1, 0], segments=[0, 1])
    ready.attend(None, 0)
    assert drain(ready, segment=0) == [1, 0]


def test_a_segment_that_gets_a_worker_goes_behind() -> None:
    """Also when its cases had been laid down before."""
    ready = queue([0] * 4, segments=[0, 0, 1, 1])
    ready.attend(None, 0)
    assert drain(ready) == [2, 3, 0, 1]


def test_a_segment_is_attended_until_the_last_worker_leaves() -> None:
    """Workers are counted, and staying is no change."""
    ready = queue([0])
    ready.attend(None, 0)
    ready.attend(None, 0)
    ready.attend(0, 0)
    ready.attend(0, 1)
    assert (ready.nearness(0), ready.nearness(1), ready.nearness(2)) == (2, 2, 1)
    ready.leave(0)
    assert ready.nearness(0) == 1


def test_only_what_fits_is_the_best() -> None:
    """It is asked of none that ranks after one that fits."""
    asked = []

    def fits(signature: int, key: Key) -> bool:
        asked.append(key[2])
        return signature == 1

    ready = queue([0, 1, 2], [0, 1, 2])
    key = ready.best("w1", None, fits)
    assert key is not None
    assert key[2] == 1
    assert asked == [0, 1]


def test_a_case_can_come_back() -> None:
    """What was removed and added again is there once, at its old place."""
    ready = queue([0, 0, 0])
    ready.remove(1)
    ready.remove(0)
    ready.add(0)
    assert drain(ready) == [0, 2]
    ready.add(1)
    assert drain(ready) == [1]


def test_a_better_case_can_come_later() -> None:
    """It goes to the front of its segment and of the shelf."""
    ready = queue([5, 5, 1, 3], segments=[0, 0, 0, 1])
    ready.remove(2)
    assert drain(ready)[0] == 3
    ready.add(1)
    ready.add(2)
    assert drain(ready) == [2, 1]


def test_cases_that_come_and_go_leave_no_trace() -> None:
    """Places of removed cases are cleared one after the other, in whatever order."""
    ready = queue([0] * 6, segments=[0, 0, 0, 1, 1, 1])
    for case in (3, 0, 4):
        ready.remove(case)
    ready.add(3)
    ready.add(0)
    assert drain(ready, segment=1) == [3, 5, 0, 1, 2]


def test_what_waits_for_one_worker_is_for_nobody_else() -> None:
    """Its worker takes it by rank among all the others."""
    ready = queue([0, 1, 2])
    assert "w1" not in ready.owners
    ready.add(1, "w1")
    assert "w1" in ready.owners
    assert drain(ready, "w2") == [0, 2]
    assert drain(ready, "w1") == [1]


def test_what_waits_for_one_worker_goes_by_rank() -> None:
    """Cases of its own are not better than others."""
    ready = queue([0, 1, 2])
    ready.add(1, "w1")
    assert drain(ready, "w1") == [0, 1, 2]


def test_a_worker_that_is_gone_has_nothing() -> None:
    """What waited for it may be added anew."""
    ready = queue([0])
    ready.add(0, "w1")
    ready.forget("w1")
    ready.forget("w2")
    assert "w1" not in ready.owners
    ready.add(0)
    assert drain(ready, "w2") == [0]


def test_the_best_of_one_signature_need_not_fit() -> None:
    """From the worker's own cases and the shared ones; None where there is none."""
    ready = queue([1, 0, 0], [0, 0, 1])
    ready.add(0, "w1")
    assert ready.best_of("w1", None, 0) == (0, 1, 1)
    ready.remove(1)
    assert ready.best_of("w1", None, 0) == (1, 1, 0)
    assert ready.best_of("w2", None, 0) is None
    assert ready.best_of("w1", None, 7) is None


def test_what_fits_is_found_though_not_all_shelves_are_compared() -> None:
    """Shelves that were emptied stand before the only one that holds something."""
    cases = MOST_COMPARED + 1
    ready = queue([0] * cases, list(range(cases)))
    for case in range(cases - 1):
        ready.remove(case)
    assert ready.best("w1", None, anything, lambda _: 1) == (0, 1, cases - 1)
