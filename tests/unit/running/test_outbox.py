import time
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_orchestra.running.journal import SIZE, Journal, Legacy, create, remove
from pytest_orchestra.running.outbox import HOLD, Outbox

Message = tuple[Any, ...]


class Wire:
    """Takes the place of execnet's channel, which would need another process."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        """Remember ``message``."""
        self.sent.append(message)


@pytest.fixture
def journal() -> Iterator[Journal]:
    """Return a journal."""
    address = create()
    found = Journal.find(address)
    remove(address)
    assert found is not None
    found.keep()
    yield found
    found.close()


def make(journal: Journal | None) -> tuple[Outbox, Wire]:
    """Return an outbox, and where its messages go."""
    wire = Wire()
    return Outbox(wire, journal), wire  # type: ignore[arg-type]


def test_results_are_held_back_until_one_must_not_be(journal: Journal) -> None:
    """They come together, numbered by batch."""
    outbox, wire = make(journal)
    outbox.passed(b"1", hold=True)
    outbox.passed(b"2", hold=True)
    assert wire.sent == []
    outbox.passed(b"3", hold=False)
    outbox.passed(b"4", hold=False)
    assert wire.sent == [("passed", 1, b"123"), ("passed", 2, b"4")]


def test_a_message_comes_after_the_results_before_it(journal: Journal) -> None:
    """Whatever it says."""
    outbox, wire = make(journal)
    outbox.passed(b"1", hold=True)
    outbox.send(("started", 5))
    assert wire.sent == [("passed", 1, b"1"), ("started", 5)]


def test_without_a_journal_nothing_is_held_back() -> None:
    """It could be lost."""
    outbox, wire = make(None)
    outbox.open()
    outbox.run(3)
    outbox.passed(b"1", hold=True)
    outbox.passed(b"2", hold=True)
    outbox.close()
    assert wire.sent == [("passed", 0, b"1"), ("passed", 0, b"2")]


def test_a_full_journal_is_sent_and_what_never_fits_goes_alone(journal: Journal) -> None:
    """In order."""
    outbox, wire = make(journal)
    half, whole = b"h" * (SIZE // 2), b"w" * SIZE
    for record in (half, half, whole):
        outbox.passed(record, hold=True)
    assert wire.sent == [("passed", 1, half), ("passed", 2, half), ("passed", 0, whole)]


def test_no_result_is_held_back_for_long(journal: Journal) -> None:
    """Though the worker is busy with a test that was thought to be short."""
    outbox, wire = make(journal)
    outbox.open()
    outbox.passed(b"1", hold=True)
    deadline = time.monotonic() + 60.0
    while not wire.sent and time.monotonic() < deadline:
        time.sleep(HOLD / 4)
    assert wire.sent == [("passed", 1, b"1")]
    outbox.close()


def test_closing_sends_what_is_held_back(journal: Journal) -> None:
    """And from then on nothing is."""
    outbox, wire = make(journal)
    outbox.open()
    outbox.passed(b"1", hold=True)
    outbox.close()
    outbox.passed(b"2", hold=True)
    assert b"".join(message[2] for message in wire.sent) == b"12"


def test_what_runs_is_in_the_journal(journal: Journal) -> None:
    """For the controller, if the worker dies."""
    outbox, _ = make(journal)
    outbox.run(4)
    assert journal.legacy(0) == Legacy(b"", 4)
    outbox.run(None)
    assert journal.legacy(0) == Legacy(b"", None)
