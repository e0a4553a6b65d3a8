"""``python -m benchmarks NAME``: measures, and prints a table or JSON."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import (
    fixtures,
    flakes,
    flakes_real,
    history,
    jobshop,
    order,
    replay,
    reports,
    scale,
    stages,
    suites,
    tail,
    throughput,
)
from benchmarks.measure import MeasuringError
from benchmarks.modes import MODES
from benchmarks.options import Options
from benchmarks.results import Report

BENCHMARKS: Final[Mapping[str, Callable[[Options], Report]]] = {
    "throughput": throughput.run,
    "fixtures": fixtures.run,
    "tail": tail.run,
    "jobshop": jobshop.run,
    "order": order.run,
    "scale": scale.run,
    "history": history.run,
    "stages": stages.run,
    "replay": replay.run,
    "reports": reports.run,
    "suites": suites.run,
    "flakes": flakes.run,
    "flakes-real": flakes_real.run,
}

SIZES: Final = (
    f"tests of throughput ({throughput.SIZE}) and tail ({tail.SIZE}), files of fixtures "
    f"({fixtures.SIZE}), instances of jobshop (all), cases of scale ({scale.SIZE}), results of history "
    f"({history.SIZE}), tests of reports ({reports.SIZE}), zoos of flakes ({flakes.SIZE}), runs of flakes-real ({flakes_real.SIZE}), "
    f"builds of order ({order.SIZE}), tests of each stage of stages ({stages.SIZE}), "
    f"replays of each suite of replay ({replay.SIZE})"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one benchmark; a bar that is not met is a finding, not a failure."""
    arguments = _parser().parse_args(argv)
    options = Options(
        runs=arguments.runs,
        size=arguments.size,
        workers=arguments.workers,
        seed=arguments.seed,
        modes=tuple(MODES[name] for name in arguments.mode or MODES),
        projects=tuple(dict.fromkeys(arguments.project or ())),
        budget=arguments.budget,
        timeout=arguments.timeout,
        cache=arguments.cache.expanduser().resolve(),
    )
    try:
        report = BENCHMARKS[arguments.name](options)
    except MeasuringError as error:
        print(error, file=sys.stderr)
        return 1
    print(report.to_json() if arguments.json else report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures the orchestra against plain pytest and xdist, side by side.",
    )
    parser.add_argument("name", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--runs", type=_positive, default=3, metavar="N", help="of each mode, in turn (3)"
    )
    parser.add_argument("--size", type=_positive, metavar="N", help=SIZES)
    parser.add_argument("--workers", type=_positive, default=2, metavar="N", help="as -n (2)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what is drawn (1)")
    parser.add_argument("--mode", action="append", choices=MODES, help="only this mode; repeatable")
    parser.add_argument(
        "--project", action="append", choices=suites.SUITES, help="only this of suites; repeatable"
    )
    parser.add_argument(
        "--budget", type=float, default=0.5, metavar="SECONDS", help="to improve a plan (0.5)"
    )
    parser.add_argument(
        "--timeout", type=float, default=900, metavar="SECONDS", help="for one run (900)"
    )
    parser.add_argument(
        "--cache", type=Path, default=_cache(), metavar="DIR", help="keep what is fetched here"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home, "pytest-orchestra-benchmarks")


if __name__ == "__main__":
    sys.exit(main())
