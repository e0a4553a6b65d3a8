"""Lets the zoo run in another order each time, break by commit, and go down in an outage.

``ZOO_ORDER`` is a number to shuffle by, ``ZOO_OUTAGE`` is not empty in an outage. The file
``commit.json`` beside this one is part of the commit, and names the tests that it breaks.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from random import Random

import pytest

BROKEN = frozenset(json.loads(Path(__file__).with_name("commit.json").read_text("utf-8"))["broken"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle all tests, alike in every process."""
    Random(os.environ.get("ZOO_ORDER", "0")).shuffle(items)


@pytest.fixture(autouse=True)
def service() -> None:
    """What all tests need, and what an outage takes away."""
    if os.environ.get("ZOO_OUTAGE"):
        raise ConnectionRefusedError("the service is down")
    time.sleep(0.01)


@pytest.fixture
def is_broken(request: pytest.FixtureRequest) -> bool:
    """Whether this commit breaks the test that asks."""
    return request.node.name in BROKEN
