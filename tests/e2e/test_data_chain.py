"""Chains of create, read, update and delete in four files, while workers are killed.

A few runs by default; ``ORCHESTRA_STRESS=1`` in the environment makes it fifty. In every other
one a worker is killed with -9, at any moment. Every test writes down what it made and what it got.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest
from harness import FAILED, PASSED, Project, Result

RUNS: Final = range(50 if os.environ.get("ORCHESTRA_STRESS") == "1" else 4)
CHAINS: Final = 5
OTHERS: Final = 30
NOTES: Final = "notes.jsonl"

CONFTEST: Final = f"""
    import json, os, random, time
    import pytest

    @pytest.fixture
    def note(request):
        def write(**what):
            entry = json.dumps({{"nodeid": request.node.nodeid, **what}}) + "\\n"
            file = os.open({NOTES!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, entry.encode())
            os.close(file)
            time.sleep(random.random() * 0.05)
        return write
"""

HEAD: Final = f"""
    import os, random, time, uuid
    from pytest import mark
    chains = mark.parametrize("chain", range({CHAINS}))
"""

#: Collected in this order, so that it takes the plugin to run them in the right one.
FILES: Final = {
    "test_a_delete": """
    @chains
    @mark.cleans("user", "profile")
    def test_delete(chain, inputs, note): note(got=dict(inputs))
    """,
    "test_b_update": """
    @chains
    @mark.depends(data="user")
    @mark.provides("profile")
    def test_update(chain, inputs, outputs, note):
        note(got=dict(inputs))
        profile = {"of": inputs["user"]["id"], "version": uuid.uuid4().hex}
        note(made={"profile": profile})
        outputs["profile"] = profile
        time.sleep(random.random() * 0.05)

    @chains
    @mark.depends(data=["profile", "user"])
    def test_compare(chain, inputs, note):
        note(got=dict(inputs))
        assert inputs["profile"]["of"] == inputs["user"]["id"]
    """,
    "test_c_read": """
    @chains
    @mark.depends(data="user")
    def test_read(chain, inputs, note):
        note(got=dict(inputs))
        assert inputs["user"]["chain"] == chain
        inputs["user"].clear()
    """,
    "test_d_create": f"""
    @chains
    @mark.provides("user")
    def test_create(chain, outputs, note):
        user = {{"id": uuid.uuid4().hex, "chain": chain, "padding": "x" * random.randrange(9000)}}
        note(made={{"user": user}})
        outputs["user"] = user
        time.sleep(random.random() * 0.05)

    @mark.parametrize("number", range({OTHERS}))
    def test_other(number): time.sleep(random.random() * 0.03)

    @mark.priority(1)
    def test_holds_on(printed):
        if "KILLS" in os.environ: printed("replacing crashed worker")
    """,
}

CREATE, READ, UPDATE, COMPARE, DELETE = (
    "test_d_create.py::test_create", "test_c_read.py::test_read", "test_b_update.py::test_update",
    "test_b_update.py::test_compare", "test_a_delete.py::test_delete",
)  # fmt: skip
HOLDS_ON: Final = "test_d_create.py::test_holds_on"
TESTS: Final = (CREATE, READ, UPDATE, COMPARE, DELETE)

#: What each test takes, and who makes it.
TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    READ: ("user",),
    UPDATE: ("user",),
    COMPARE: ("user", "profile"),
    DELETE: ("user", "profile"),
}
MAKERS: Final = {"user": CREATE, "profile": UPDATE}


def run(project: Project, seed: int, *, kills: bool) -> Result:
    """Run the suite on four workers, and kill the worker of some test that has just begun.

    Another one is busy until its successor is there, so that the run is not over before.
    """
    chance = random.Random(seed)  # noqa: S311 - not secret
    process = project.start("--orchestrate", "-n", "4", **({"KILLS": "yes"} if kills else {}))
    if kills:
        count = chance.randint(5, 5 * CHAINS + OTHERS - 8)
        project.wait_until(lambda: len(project.seen("began")) >= count)
        project.wait_until(lambda: HOLDS_ON in project.seen("began"))
        began = [each for each in project.entries if each["what"] == "began"]
        (holder,) = (each["pid"] for each in began if each["nodeid"] == HOLDS_ON)
        pids = [each["pid"] for each in began if each["pid"] != holder]
        os.kill(chance.choice(pids[-4:]), signal.SIGKILL)
    return project.finish(process)


def notes(project: Project) -> dict[str, dict[str, Any]]:
    """Return what each test wrote down: what it made and got."""
    found: dict[str, dict[str, Any]] = {}
    for line in (project.path / NOTES).read_text().splitlines():
        entry = json.loads(line)
        found.setdefault(entry.pop("nodeid"), {}).update(entry)
    return found


def check_values(result: Result, noted: Mapping[str, Mapping[str, Any]], chain: str) -> None:
    """Assert that whoever took something got just what its maker made."""
    for taker, names in TAKES.items():
        if "got" not in noted.get(taker + chain, {}):
            continue
        got = noted[taker + chain]["got"]
        for name in names:
            maker = MAKERS[name] + chain
            if name in got:
                assert got[name] == noted[maker]["made"][name], f"{taker}{chain} got a wrong {name}"
            else:
                assert taker == DELETE, f"{taker}{chain} misses {name}"
                assert result.verdicts[maker] != "passed", f"{name} of {chain} is lost"


def check_clean_up(result: Result, chain: str) -> None:
    """Assert that the chain was cleaned up once, after everything else of it."""
    delete = result.span(DELETE + chain)
    others = [span for span in result.spans if span.nodeid in {test + chain for test in TESTS[:-1]}]
    assert others
    for span in others:
        assert span.began < delete.began
        # What was killed never ended, and is over before anybody hears of it.
        assert span.ended < delete.began or result.verdicts[span.nodeid] == "failed"


@pytest.mark.parametrize("seed", RUNS)
def test_no_value_is_wrong_or_missing(project: Project, seed: int) -> None:
    """Whoever runs gets the right value, and clean-up is last, whatever worker is killed."""
    project.write("conftest", CONFTEST)
    for name, text in FILES.items():
        project.write(name, HEAD + text)
    kills = seed % 2 == 1
    result = run(project, seed, kills=kills)
    verdicts = Counter(result.verdicts.values())
    assert len(result.verdicts) == 5 * CHAINS + OTHERS + 1
    if kills:
        assert result.lines("^replacing crashed worker "), "no worker was killed: it proves nothing"
        assert verdicts["failed"] <= 1
        assert verdicts["failed"] + verdicts["passed"] + verdicts["blocked"] == verdicts.total()
        assert verdicts["blocked"] <= len(TAKES)
        assert result.code == (FAILED if verdicts["failed"] else PASSED)
    else:
        assert verdicts == {"passed": 5 * CHAINS + OTHERS + 1}
    noted = notes(project)
    for number in range(CHAINS):
        check_values(result, noted, f"[{number}]")
        check_clean_up(result, f"[{number}]")
