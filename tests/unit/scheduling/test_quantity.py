import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.scheduling.quantity import (
    UNITS,
    format_quantity,
    is_in_bytes,
    parse_quantity,
    round_bytes,
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3", 3),
        ("10B", 10),
        ("200kB", 200_000),
        ("200KB", 200_000),
        ("512MB", 512_000_000),
        ("4GB", 4_000_000_000),
        ("1.5GB", 1_500_000_000),
        ("1TB", 10**12),
        ("1KiB", 1024),
        ("16GiB", 16 * 2**30),
        (" 1.5 GiB ", 3 * 2**29),
        ("+2", 2),
    ],
)
def test_a_quantity_is_read_exactly(text: str, amount: int) -> None:
    """Decimal units count by 1000, binary ones by 1024, and fractions lose nothing."""
    assert parse_quantity(text) == amount


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4XB", "unknown unit 'XB'; known are B, kB, KB, MB, GB, TB, KiB, MiB, GiB, TiB"),
        ("4gb", "unknown unit 'gb'"),
        ("-4GB", "not more than zero"),
        ("-4", "not more than zero"),
        ("0", "not more than zero"),
        ("0.0MB", "not more than zero"),
        ("1.5B", "not a whole number of bytes"),
        ("1.5", "'1.5' is not a whole number$"),
        ("", "not a quantity such as"),
        ("GB", "not a quantity such as"),
        ("1e3", "not a quantity such as"),
        ("1.2.3GB", "not a quantity such as"),
        (".5GB", "not a quantity such as"),
        ("٣GB", "not a quantity such as"),
    ],
)
def test_a_bad_quantity_is_refused_with_its_reason(text: str, message: str) -> None:
    """Whatever is not a positive whole amount in a known unit is refused, and told why."""
    with pytest.raises(ValueError, match=message):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1, "1"),
        (2000, "2000"),
        (4_000_000_000, "4GB"),
        (1_500_000_000, "1.5GB"),
        (16 * 2**30, "16GiB"),
        (3 * 2**29, "1.5GiB"),
        (10_000_000, "10MB"),
        (1_234_567_891, "1234567891"),
    ],
)
def test_an_amount_is_written_as_short_as_it_can_be(amount: int, text: str) -> None:
    """Large amounts get the unit that says them shortest; small ones are likely tokens."""
    assert format_quantity(amount) == text


@given(st.one_of(st.integers(1, 10**16), st.sampled_from(sorted(UNITS.values()))))
def test_what_is_written_is_read_back(amount: int) -> None:
    """Formatting never changes an amount."""
    assert parse_quantity(format_quantity(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1_402_347_520, "1.41GB"),
        (999_900_000, "1GB"),
        (141_000_000, "141MB"),
        (123_456_789_012_345, "124TB"),
        (12_345_678_901_234_567, "12400TB"),
    ],
)
def test_a_measured_amount_is_rounded_up(amount: int, text: str) -> None:
    """To three digits, in the largest unit: what is more than a claim never looks like less."""
    assert round_bytes(amount) == text


def test_small_amounts_are_tokens() -> None:
    """What is written without a unit was hardly meant as bytes."""
    assert not is_in_bytes(999_999)
    assert is_in_bytes(1_000_000)
