"""Reports of 100,000 tests: seconds for each form, and memory; and 10,000 hostile tests, whose files are read.

The record is made up. What else a controller has in memory at the end of such a run is not in these figures.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final
from xml.etree import ElementTree as ET

from benchmarks.machine import Machine
from benchmarks.options import Options
from benchmarks.results import MIB, Bar, Report, Table, show
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions
from pytest_orchestra.reports.record_file import read_record

# The tests have the same need of records that never were.
sys.path.append(str(Path(__file__).parent.parent / "tests" / "support"))
from records import Shares, made_up_run

#: Tests of the large run, and of the hostile one.
SIZE: Final = 100_000
HOSTILE: Final = 10_000

#: Every failed test of the hostile run has printed so many characters.
OUTPUT: Final = 1_000_000


def run(options: Options) -> Report:
    """Write every form of a run of ``size`` tests ``runs`` times, then those of a hostile one."""
    machine = Machine.this()
    size = options.size or SIZE
    record = made_up_run(size, seed=options.seed)
    before = _peak()
    seconds: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for name, form in FORMS.items():
                began, began_cpu = time.perf_counter(), time.process_time()
                paths = form.write(record, Path(folder, form.file), JunitOptions())
                seconds.setdefault(name, []).append(time.perf_counter() - began)
                cpu.setdefault(name, []).append(time.process_time() - began_cpu)
                sizes[name] = sum(path.stat().st_size for path in paths)
        peak = _peak()
        began = time.perf_counter()
        is_same = read_record(Path(folder, FORMS["json"].file)) == record
        reading = time.perf_counter() - began
    faults = _faults(options.seed)
    total = sum(map(median, seconds.values()))
    return Report(
        "reports",
        f"a run of {size} tests, and a hostile one of {HOSTILE} with outputs of {OUTPUT} characters",
        machine,
        {
            "tests": size,
            "runs": options.runs,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "bytes": sizes,
            "read_record_seconds": reading,
            "peak_before_bytes": before,
            "peak_bytes": peak,
            "faults": faults,
        },
        (_table(seconds, cpu, sizes),),
        (
            Bar("all forms, in seconds", 15, total),
            Bar("peak memory, in MiB", 600, peak / MIB),
            Bar("files of the hostile run that are not sound", 0, len(faults)),
            Bar("records that are read back otherwise", 0, not is_same),
        ),
        (
            f"the record itself takes the process to {before / MIB:.0f} MiB",
            f"reading it back takes {reading:.1f} s",
            *faults,
        ),
    )


def _table(
    seconds: dict[str, list[float]], cpu: dict[str, list[float]], sizes: dict[str, int]
) -> Table:
    rows: list[tuple[str, ...]] = [
        (FORMS[name].file, show(median(each)), show(median(cpu[name])), show(sizes[name] / MIB, 1))
        for name, each in seconds.items()
    ]
    sums = [sum(map(median, figures.values())) for figures in (seconds, cpu)]
    rows.append(("all", *map(show, sums), show(sum(sizes.values()) / MIB, 1)))
    return Table("each form", ("file", "seconds", "CPU", "MiB"), tuple(rows))


def _peak() -> int:
    """Return the most memory that this process has had in use so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _faults(seed: int) -> list[str]:
    """Return what is wrong with the files of a hostile run; nothing, one hopes."""
    shares = Shares(failed=0.01, error=0.005)
    record = made_up_run(HOSTILE, seed=seed, shares=shares, is_hostile=True, output=OUTPUT)
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for dialect in Dialect:
            paths = FORMS["junit"].write(record, Path(folder, "junit.xml"), JunitOptions(dialect))
            faults += _junit_faults(paths, dialect)
        for name in ("ctrf", "trace"):
            (path,) = FORMS[name].write(record, Path(folder, FORMS[name].file), JunitOptions())
            faults += _json_faults(path)
        faults += _record_faults(record, Path(folder, FORMS["json"].file))
    return faults


def _junit_faults(paths: Sequence[Path], dialect: Dialect) -> list[str]:
    """Parse all parts, and count the testcases."""
    try:
        found = sum(len(list(ET.parse(path).getroot().iter("testcase"))) for path in paths)
    except ET.ParseError as error:
        return [f"JUnit, {dialect}: {error}"]
    return [] if found == HOSTILE else [f"JUnit, {dialect}: {found} testcases"]


def _json_faults(path: Path) -> list[str]:
    """Parse a JSON file, and see that others could: what is in it can be encoded."""
    try:
        json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False).encode()
    except ValueError as error:
        return [f"{path.name}: {error}"]
    return []


def _record_faults(record: RunRecord, path: Path) -> list[str]:
    FORMS["json"].write(record, path, JunitOptions())
    return [] if read_record(path) == record else [f"{path.name}: not the same"]
