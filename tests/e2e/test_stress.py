"""Large random suites on real workers: no promise may be broken, nothing may be lost.

Three seeds of each kind run by default. ``ORCHESTRA_STRESS=1`` in the environment runs all
twenty of each, which takes a few minutes.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

import pytest
import stress

if TYPE_CHECKING:
    from pathlib import Path

SEEDS: Final = range(20 if os.environ.get("ORCHESTRA_STRESS") == "1" else 3)
OPTIONS: Final = ("-pxdist", "-porchestra", "--orchestrate", "-n", "4")


def check(suite: stress.Suite, run: stress.Run) -> None:
    """Fail with all there is to know if the run hung or broke a promise."""
    __tracebackhide__ = True
    problems = [str(violation) for violation in stress.violations(suite, run)]
    if run.status is None:
        problems.insert(0, "the run hung and was stopped; its stacks are below")
    elif run.status != pytest.ExitCode.TESTS_FAILED:
        problems.insert(0, f"the exit status was {run.status}")
    elif stress.most_at_once(run.stamps) < 3:
        problems.append("there were hardly two tests at a time: four workers should do better")
    if problems:
        listed = "\n".join(problems[:40])
        pytest.fail(
            f"{len(problems)} problems, killed: {run.kill}\n{listed}\n\n"
            f"The last of pytest's output:\n{run.output[-6000:]}",
            pytrace=False,
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_keeps_every_promise(seed: int, tmp_path: Path) -> None:
    """No token is taken twice, nothing starts too early, every test is judged once."""
    suite = stress.generate(seed)
    suite.write(tmp_path)
    check(suite, stress.run(tmp_path, *OPTIONS))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_worker_costs_no_more_than_its_test(seed: int, tmp_path: Path) -> None:
    """Whenever a worker is killed, one test fails, what needs it is blocked, the rest runs once."""
    suite = stress.generate(seed)
    suite.write(tmp_path)
    run = stress.run(tmp_path, *OPTIONS, kill=random.Random(seed))  # noqa: S311 - not secret
    check(suite, run)
    assert run.kill is not None, "no worker was killed, so this proves nothing"
