import pytest

from pytest_orchestra.scheduling.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("90s", 90), ("10min", 600), ("1.5 h", 5400), ("250ms", 0.25), ("7", 7), (3, 3), (0.5, 0.5)],
)
def test_a_time_is_read(value: object, seconds: float) -> None:
    """With a unit, or as seconds."""
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["soon", "10 parsecs", "", [], True, None, 0, "0s", float("inf")])
def test_what_is_no_time_is_refused(value: object) -> None:
    """With the value in the message."""
    with pytest.raises(ValueError, match="not"):
        parse_duration(value)


def test_a_time_is_written_in_its_largest_unit() -> None:
    """So that people can read it."""
    texts = [format_duration(each) for each in (5400, 600, 1.5, 0.25)]
    assert texts == ["1.5 h", "10 min", "1.5 s", "250 ms"]
