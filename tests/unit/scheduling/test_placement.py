from collections.abc import Mapping

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.placement import place

GPU = Capacity(1, scope=Scope.HOST)
HOSTS: Mapping[str, Mapping[str, Capacity]] = {
    "laptop": {"gpu": Capacity(0, scope=Scope.HOST), "disk": Capacity(2, scope=Scope.HOST)},
    "box": {"gpu": Capacity(4, scope=Scope.HOST)},
}


def where(*specs: CaseSpec) -> tuple[list[list[str]], list[str]]:
    """Return where each case cannot run, and what is wrong."""
    declared = {"gpu": GPU, "disk": Capacity(1, scope=Scope.HOST), "db": Capacity(1)}
    stock, found = settle_stock(specs, declared, HOSTS)
    assert not found
    barred, problems = place(specs, stock)
    return [sorted(each) for each in barred], [problem.what for problem in problems]


def test_a_case_is_barred_from_hosts_that_have_too_little() -> None:
    """Claims of its own and of its fixtures count, locks as one; what the run shares bars nobody."""
    fixture = Hold("server", "", (Claim("disk", 2),))
    assert where(
        CaseSpec("a", claims=frozenset({Claim("gpu", 2), Claim("db")})),
        CaseSpec("b", claims=frozenset({Claim("gpu", mode=Mode.WRITE)})),
        CaseSpec("c", holds=(fixture,)),
        CaseSpec("d"),
        CaseSpec("e", claims=frozenset({Claim("gpu", 2), Claim("db")})),
    ) == ([["laptop"], ["laptop"], ["box"], [], ["laptop"]], [])


def test_a_group_runs_where_all_of_it_can() -> None:
    """Since it stays on one worker."""
    gpu = CaseSpec("a", claims=frozenset({Claim("gpu")}), group="g")
    assert where(gpu, CaseSpec("b", group="g"))[0] == [["laptop"], ["laptop"]]


def test_what_fits_nowhere_is_told_of_with_what_is_where() -> None:
    """Once for all cases alike; a group says that it is one."""
    both = frozenset({Claim("gpu"), Claim("disk", 2)})
    _, problems = where(CaseSpec("a", claims=both), CaseSpec("b", claims=both))
    assert problems == [
        "a fits on no host: laptop has 0 of the 1 of 'gpu'; box has 1 of the 2 of 'disk'"
    ]
    _, problems = where(
        CaseSpec("a", claims=frozenset({Claim("gpu")}), group="g"),
        CaseSpec("b", holds=(Hold("server", None, (Claim("disk", 2),)),), group="g"),
        CaseSpec("c", group="g"),
    )
    assert len(problems) == 3
    assert problems[2] == (
        "c, together with the others of group 'g', fits on no host: "
        "each lacks something that one of them claims"
    )


def test_one_host_is_nothing_to_choose_from() -> None:
    """Then nothing is worked out."""
    specs = [CaseSpec("a", claims=frozenset({Claim("gpu")}))]
    stock, _ = settle_stock(specs, {"gpu": GPU}, {"box": {}})
    assert place(specs, stock) == ((), ())
