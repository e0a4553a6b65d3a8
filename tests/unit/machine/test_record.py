import pytest

from pytest_orchestra.machine.process import Process
from pytest_orchestra.machine.record import Standing, Ticket, decode, encode

STANDING = Standing(
    Process(4711, 99, 7),
    "ada",
    "/home/ada/sh\udce9p",
    (
        Ticket("t1", 3, {"gpu": 2, "license": 1}, "test_a.py::test_ü[\n]", 1.5),
        Ticket("t2", 4, {"gpu": 1}, "test_b", 2.5, {"gpu": ("cuda:0", "cuda:0")}),
    ),
)


def test_what_is_written_is_what_is_read() -> None:
    """Whatever node ids and paths are made of."""
    assert decode(encode(STANDING)) == STANDING
    assert decode(encode(Standing(Process(1, 0, 0), "", ""))) == Standing(Process(1, 0, 0), "", "")


def test_no_damage_goes_unnoticed() -> None:
    """Neither a byte that was changed nor one that is missing nor one too many."""
    data = encode(STANDING)
    for place in range(len(data)):
        assert decode(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]) is None
        assert decode(data[:place]) is None
    assert decode(data + b" ") is None


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b"pytest-orchestra 2 00000000\n"])
def test_what_is_none_of_ours_cannot_be_read(data: bytes) -> None:
    """Nor what another version of this plugin has written."""
    assert decode(data) is None
