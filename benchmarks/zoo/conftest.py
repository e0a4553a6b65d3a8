"""Lets the zoo run in a given order, and writes down when and where each test ran.

``ZOO_ORDER`` is a number to shuffle by; ``ZOO_NAMES`` is a JSON list of node ids, which run in this
order instead. ``ZOO_RECORD`` is the folder to write to.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle all tests alike in every process, or take the named ones."""
    names = json.loads(os.environ.get("ZOO_NAMES", "[]"))
    if names:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in names]
    else:
        Random(os.environ.get("ZOO_ORDER", "0")).shuffle(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write a line for every test's call, or for the set-up that failed."""
    report = yield
    if report.when == "call" or (report.when == "setup" and report.failed):
        signature = call.excinfo.exconly().splitlines()[0] if call.excinfo else ""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        line = json.dumps(
            {
                "nodeid": item.nodeid,
                "worker": worker,
                "passed": report.passed,
                "signature": signature,
                "began": call.start,
                "ended": call.stop,
            }
        )
        with Path(os.environ["ZOO_RECORD"], f"{worker}.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    return report


@pytest.fixture(autouse=True)
def service() -> None:
    """What all tests need, and what an outage takes away."""
    if os.environ.get("ZOO_OUTAGE"):
        raise ConnectionRefusedError("the service is down")
    time.sleep(0.01)
