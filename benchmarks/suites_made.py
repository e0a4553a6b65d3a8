"""Makes suites: the same size and seed give the same files, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

#: Tests in each file of the suites in which files do not matter.
TESTS_PER_FILE: Final = 100

#: Seconds that an expensive fixture takes to come up, such as a service that is started.
SETUP_SECONDS: Final = (0.2, 0.5)
#: Seconds of the tests that use it.
USER_SECONDS: Final = (0.005, 0.02)
#: Tests in a file of theirs: small files are more common than big ones.
USERS: Final = (2, 60)

#: The log-normal times of the long-tailed suite: the median in seconds, and the spread.
TAIL_MEDIAN: Final = 0.02
TAIL_SIGMA: Final = 1.3
#: Its two giants, in terms of all the other tests' time, and where in the collection they are.
#: Neither is as long as half the sum, so that with two workers the sum is the bound; both come
#: late, as slow tests often do, and one of them last.
GIANTS: Final = ((0.25, 0.75), (0.35, 1.0))

_BURN: Final = '''
def burn(seconds):
    """Use the processor for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
'''


@dataclass(frozen=True, slots=True)
class Timed:
    """A suite whose tests take known times: ``seconds`` by node id, in order of collection."""

    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """What all tests take together, in seconds."""
        return sum(self.seconds.values())

    def bound(self, workers: int) -> float:
        """Return what no run on so many workers can be faster than, in seconds."""
        return max(*self.seconds.values(), self.total / workers)


@dataclass(frozen=True, slots=True)
class Serviced:
    """A suite of files with one expensive fixture each: seconds of set-up, and of each test."""

    files: tuple[tuple[float, tuple[float, ...]], ...]

    @property
    def tests(self) -> int:
        """The number of tests."""
        return sum(len(users) for _, users in self.files)

    @property
    def total(self) -> float:
        """What all tests take, and every set-up once, in seconds."""
        return sum(setup + sum(users) for setup, users in self.files)


def make_empty(folder: Path) -> None:
    """Make a suite of one file without tests: what is left is pytest's own time."""
    _write(folder, "test_none.py", '"""Nothing to test."""\n')


def make_tiny(folder: Path, tests: int) -> None:
    """Make a suite of so many tests that do next to nothing."""
    for number, start in enumerate(range(0, tests, TESTS_PER_FILE)):
        count = min(TESTS_PER_FILE, tests - start)
        bodies = [
            f"def test_{each:03}():\n    assert {each} + 1 == {each + 1}" for each in range(count)
        ]
        _write(folder, f"test_tiny_{number:04}.py", "\n\n\n".join(bodies) + "\n")


def make_serviced(folder: Path, files: int, seed: int) -> Serviced:
    """Make a suite of so many files, each with an expensive fixture for its module.

    Every other test waits, as one does that asks a service; the others compute.
    """
    random = Random(seed)
    made = tuple(_draw_file(random) for _ in range(files))
    for number, (setup, users) in enumerate(made):
        _write(folder, f"test_service_{number:03}.py", _service_file(setup, users))
    return Serviced(made)


def make_tailed(folder: Path, tests: int, seed: int) -> Timed:
    """Make a suite of so many tests that sleep: log-normal times, and two giants."""
    random = Random(seed)
    ordinary = [TAIL_MEDIAN * random.lognormvariate(0.0, TAIL_SIGMA) for _ in range(tests - 2)]
    times = ordinary.copy()
    for share, place in GIANTS:
        times.insert(round(place * len(times)), share * sum(ordinary))
    seconds: dict[str, float] = {}
    for number, start in enumerate(range(0, tests, TESTS_PER_FILE // 4)):
        name = f"test_tail_{number:03}.py"
        chunk = [round(each, 4) for each in times[start : start + TESTS_PER_FILE // 4]]
        _write(folder, name, _sleeping_file(chunk))
        seconds |= {f"{name}::test_{each:03}": time for each, time in enumerate(chunk)}
    return Timed(seconds)


def _draw_file(random: Random) -> tuple[float, tuple[float, ...]]:
    least, most = USERS
    users = round(least * (most / least) ** random.random())
    setup = round(random.uniform(*SETUP_SECONDS), 3)
    return setup, tuple(round(random.uniform(*USER_SECONDS), 4) for _ in range(users))


def _service_file(setup: float, users: Sequence[float]) -> str:
    fixture = (
        f'@pytest.fixture(scope="module")\ndef service():\n    time.sleep({setup})\n    return 1\n'
    )
    tests = [
        f"def test_{number:03}(service):\n    {'burn' if number % 2 else 'time.sleep'}({seconds})\n"
        for number, seconds in enumerate(users)
    ]
    return "\n\n".join(["import time\n\nimport pytest\n", _BURN.lstrip(), fixture, *tests])


def _sleeping_file(times: Sequence[float]) -> str:
    tests = [
        f"def test_{number:03}():\n    time.sleep({seconds})\n"
        for number, seconds in enumerate(times)
    ]
    return "\n\n".join(["import time\n", *tests])


def _write(folder: Path, name: str, text: str) -> None:
    """Write one file, and the one that makes ``folder`` the root directory."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath(name).write_text(text)
