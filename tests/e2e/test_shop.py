"""The suite in ``examples/shop`` behaves as its README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"

BROKEN = "tests/integration/test_store.py::test_schema"
DEPENDANTS_OF_BROKEN = {
    "tests/integration/test_store.py::test_store_saves",
    "tests/integration/test_store.py::test_place_order[pair]",
    "tests/integration/test_store.py::test_place_order[crate]",
    "tests/integration/test_store.py::test_cancel_order[pair]",
    "tests/integration/test_store.py::test_cancel_order[crate]",
    "tests/integration/test_store.py::test_last_piece_is_sold_once",
    "tests/integration/test_checkout.py::test_order_flow",
    "tests/integration/test_checkout.py::test_declined_payment_releases_the_stock",
    "tests/e2e/test_purchase.py::test_customer_buys",
    "tests/e2e/test_purchase.py::test_customer_cancels",
    "tests/e2e/test_purchase.py::test_customer_comes_too_late",
}
FLAKY = "tests/integration/test_payment.py::test_accepts_foreign_card"

NODEID = re.compile(r"^tests/\S+::\S+$", re.MULTILINE)
PROGRESS = re.compile(r"\[ *\d+%\] ([A-Z]+)(?: \([^)]*\))? (tests/\S+::\S+)")
NO_WORKER = re.compile(r"^(tests/\S+::\S+) BLOCKED", re.MULTILINE)
BLOCKED = re.compile(r"(tests/\S+)\s+blocked: (tests/\S+) failed")
COUNT = re.compile(r"(\d+) ([a-z]+)")


@dataclass(frozen=True)
class Run:
    """A finished run of pytest."""

    code: int
    output: str

    def cases(self, verdict: str) -> set[str]:
        """Return the node ids that a verbose line reports with this verdict."""
        return {nodeid for word, nodeid in PROGRESS.findall(self.output) if word == verdict}

    def causes(self) -> dict[str, str]:
        """Return the failed case for each case that the summary calls blocked."""
        return dict(BLOCKED.findall(self.output))

    @property
    def collected(self) -> int:
        """How many tests there were, as the summary says."""
        (number,) = re.findall(r"^(\d+) tests collected: ", self.output, re.MULTILINE)
        return int(number)

    def counts(self) -> dict[str, int]:
        """Return the numbers in the last line, by verdict."""
        last = self.output.rstrip().splitlines()[-1]
        return {word: int(number) for number, word in COUNT.findall(last)}


@dataclass(frozen=True)
class Shop:
    """A copy of the example."""

    path: Path

    def pytest(self, *arguments: str, **switches: str) -> Run:
        """Run pytest in the copy, with environment variables that switch on its faults."""
        plugins = ["-pxdist", "-porchestra", "-pno:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *plugins, "--color=no"]
        done = subprocess.run(  # noqa: S603 - the interpreter that runs this test
            [*command, *arguments],
            cwd=self.path,
            env=_environment() | switches,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def orchestrate(self, **switches: str) -> Run:
        """Run the whole suite as the README says, on four workers."""
        return self.pytest("--orchestrate", "-n", "4", "-v", **switches)

    def collected(self) -> set[str]:
        """Return the node ids of all tests, as pytest lists them."""
        return set(NODEID.findall(self.pytest("--collect-only", "-q").output))


def _environment() -> dict[str, str]:
    """Return this process's environment without what is meant for this process alone."""
    own = ("SHOP_", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Copy the example, so that a run leaves nothing in the checkout."""
    leftovers = shutil.ignore_patterns("__pycache__", ".*")
    return Shop(shutil.copytree(EXAMPLE, tmp_path / "shop", ignore=leftovers))


def test_all_pass(shop: Shop) -> None:
    """Every collected test of the example passes, and the summary counts all of them."""
    collected = shop.collected()
    run = shop.orchestrate()
    assert run.code == pytest.ExitCode.OK, run.output
    assert run.cases("PASSED") == collected, run.output
    assert run.counts() == {"passed": len(collected)}


def test_a_broken_prerequisite_blocks_its_dependants(shop: Shop) -> None:
    """With SHOP_BREAK=1 one test fails and exactly its transitive dependants are blocked.

    Each is listed with the test that failed, also over several steps.
    """
    run = shop.orchestrate(SHOP_BREAK="1")
    assert run.code == pytest.ExitCode.TESTS_FAILED, run.output
    assert run.cases("FAILED") == {BROKEN}, run.output
    assert set(NO_WORKER.findall(run.output)) == DEPENDANTS_OF_BROKEN, run.output
    assert run.causes() == dict.fromkeys(DEPENDANTS_OF_BROKEN, BROKEN), run.output
    passed, blocked = len(run.cases("PASSED")), len(DEPENDANTS_OF_BROKEN)
    assert run.counts() == {"failed": 1, "passed": passed, "blocked": blocked}
    assert passed == run.collected - 1 - blocked


@pytest.mark.parametrize("repetition", range(2))
def test_a_flaky_test_fails_alone(shop: Shop, repetition: int) -> None:  # noqa: ARG001
    """With SHOP_FLAKY=1 all tests pass or one fails, and nothing is blocked by it."""
    run = shop.orchestrate(SHOP_FLAKY="1")
    failed = run.cases("FAILED")
    assert failed <= {FLAKY}, run.output
    assert len(run.cases("PASSED")) == run.collected - len(failed), run.output
    assert run.code == (pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK)
