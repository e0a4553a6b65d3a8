"""Which shard a run is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_orchestra.model.shard import Shard
from pytest_orchestra.running.shard_choice import read_shard


@pytest.mark.parametrize(
    ("text", "shard"), [("1/1", Shard(1, 1)), ("2/4", Shard(2, 4)), (" 10/10 ", Shard(10, 10))]
)
def test_reads_a_shard(text: str, shard: Shard) -> None:
    """Numbers count from one."""
    assert read_shard(text, {}) == shard
    assert str(shard) == text.strip()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0/3", "write 1/3 to 3/3"),
        ("4/3", "write 1/3 to 3/3"),
        ("1/99999999", "more than 10,000 shards"),
        ("1/0", "write 1/1 or more"),
        ("a/b", "write I/N"),
        ("1", "write I/N"),
        ("-1/3", "write I/N"),
        ("1/3/5", "write I/N"),
        ("", "write I/N"),
        ("٢/٣", "write I/N"),  # digits of other scripts
    ],
)
def test_what_is_no_shard_is_refused(text: str, complaint: str) -> None:
    """The message quotes it and says what to write."""
    with pytest.raises(ValueError, match=complaint) as caught:
        read_shard(text, {})
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, Shard(2, 4)),
        ({"CI_NODE_TOTAL": "1"}, Shard(1, 1)),
        ({"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "4"}, Shard(1, 4)),
        ({"BUILDKITE_PARALLEL_JOB": "3", "BUILDKITE_PARALLEL_JOB_COUNT": "4"}, Shard(4, 4)),
    ],
)
def test_auto_asks_the_ci_system(environment: Mapping[str, str], shard: Shard) -> None:
    """Each of them numbers shards in its own way."""
    assert read_shard("auto", environment) == shard


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "CIRCLE_NODE_INDEX and CIRCLE_NODE_TOTAL"),
        ({"CI_NODE_TOTAL": "3"}, "finds no shard in the environment"),
        ({"CI_NODE_INDEX": "one", "CI_NODE_TOTAL": "3"}, "CI_NODE_INDEX=one"),
        ({"CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "3"}, "none of the shards"),
        ({"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "3"}, "none of the shards"),
    ],
)
def test_auto_without_sense_is_refused(environment: Mapping[str, str], complaint: str) -> None:
    """The message names the variables."""
    with pytest.raises(ValueError, match=complaint):
        read_shard("auto", environment)
