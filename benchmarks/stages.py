"""Two stages that do not need each other: how much sooner they end side by side than one after the other.

Each of them can keep one worker busy and no more: its tests take turns. Between them and the end nothing
differs but what the configuration says that the second one needs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.comparison import Comparison
from benchmarks.machine import Machine
from benchmarks.made import warm_up
from benchmarks.measure import in_turn
from benchmarks.modes import OURS, here, make_command
from benchmarks.options import Options
from benchmarks.results import Bar, Report, ratio

#: Tests of each of the two stages, and what one of them takes, in seconds.
SIZE: Final = 40
SECONDS: Final = 0.3

OVERLAPPING: Final = "needs = ['smoke']"
BARRIERS: Final = "needs = the stage before"

#: So much of the time with barriers may the run take in which the stages overlap.
LIMIT: Final = 0.6

_STAGES: Final = """\
[[tool.pytest_orchestra.stages]]
name = "smoke"
paths = ["test_smoke.py"]
gate = { pass_rate = 1.0 }

[[tool.pytest_orchestra.stages]]
name = "one"
paths = ["test_one.py"]
strategy = "sequential"

[[tool.pytest_orchestra.stages]]
name = "two"
paths = ["test_two.py"]
strategy = "sequential"
"""


def run(options: Options) -> Report:
    """Run the same tests with and without a barrier between two stages, in turn."""
    machine = Machine.this()
    size = options.size or SIZE
    with tempfile.TemporaryDirectory() as temporary:
        folders = {
            OVERLAPPING: _make(Path(temporary, "overlapping"), size, 'needs = ["smoke"]\n'),
            BARRIERS: _make(Path(temporary, "barriers"), size, ""),
        }
        pytest = here()
        commands = [
            make_command(OURS, folder, pytest=pytest, workers=options.workers, name=name)
            for name, folder in folders.items()
        ]
        samples = in_turn(commands, options.runs, timeout=options.timeout)
    comparison = Comparison(samples)
    share = ratio(comparison.wall(OVERLAPPING), comparison.wall(BARRIERS))
    return Report(
        "stages",
        f"two sequential stages of {size} tests that sleep for {SECONDS} s each, {options.workers} workers",
        machine,
        {
            "tests_of_a_stage": size,
            "seconds_of_a_test": SECONDS,
            "workers": options.workers,
            "runs": options.runs,
            "overlapping_of_barriers": share,
            **comparison.figures(),
        },
        (comparison.table(f"medians of {options.runs} runs"),),
        (Bar("overlapping stages / stages with barriers", LIMIT, share),),
        tuple(comparison.notes()),
    )


def _make(folder: Path, size: int, needs: str) -> Path:
    """Make the suite in ``folder``; ``needs`` is what is said of the last stage besides."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        f"[tool.pytest.ini_options]\n\n{_STAGES}{needs}", encoding="utf-8"
    )
    (folder / "test_smoke.py").write_text("def test_smoke(): pass\n", encoding="utf-8")
    for name in ("one", "two"):
        (folder / f"test_{name}.py").write_text(
            "import time, pytest\n\n"
            f'@pytest.mark.parametrize("number", range({size}))\n'
            f"def test_{name}(number): time.sleep({SECONDS})\n",
            encoding="utf-8",
        )
    warm_up(folder)
    return folder
