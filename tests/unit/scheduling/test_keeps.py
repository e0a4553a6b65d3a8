from engines import make_engine

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold
from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    FixturesDown,
    GiveBack,
    TokensGranted,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Verdict


def test_a_fixture_that_is_down_already_is_not_asked_for() -> None:
    """While the case that counts on it still runs, its tokens are on their way back."""
    pg = Hold("pg", "", (Claim("db"),))
    licensed = Hold("licensed", "a.py", (Claim("license"),))
    specs = [
        CaseSpec("a.py::test_0", holds=(licensed, pg)),
        CaseSpec("a.py::test_1", holds=(licensed,), priority=-1.0),
        CaseSpec("b.py::test_2", claims=frozenset({Claim("license", 2)}), priority=-2.0),
    ]
    license_ = Capacity(2, scope=Scope.MACHINE)
    engine = make_engine(specs, capacities={"db": 1, "license": license_})
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(TokensGranted(0), 0.0)
    assert Assign("w1", 1) in engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    engine.handle(WorkersJoined(("w2",)), 1.0)
    engine.handle(FixturesDown("w1", (("licensed", "a.py"),), 1), 2.0)
    assert GiveBack(0) in engine.handle(CaseFinished(1, Verdict.PASSED, 1.0), 2.0)
    (assigned,) = engine.handle(TokensGranted(2), 2.0)
    assert isinstance(assigned, Assign)
    assert assigned.case == 2
