import functools
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from pytest_orchestra.marker_lines import OUR_MARKER_LINES
from pytest_orchestra.model.case import CaseSpec, Claim, Mode, Need
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.verdict import ANY_VERDICT
from pytest_orchestra.running.markers import location_of, read_item

Read = Callable[..., tuple[CaseSpec, tuple[Problem, ...]]]
Make = Callable[..., pytest.Mark]


def targets(spec: CaseSpec) -> list[str]:
    """Return what the case depends on, as written."""
    return [need.target for need in spec.needs]


def logged(test: Callable[..., None]) -> Callable[..., None]:
    """Wrap a test as decorators do."""

    @functools.wraps(test)
    def wrapper(request: pytest.FixtureRequest) -> None:
        test(request)

    return wrapper


class TestUser:
    """Something to depend on as an object."""

    def test_name(self) -> None:
        """Do nothing: it is only pointed at."""


def test_an_unmarked_item_is_a_plain_case(read: Read, mark: Make) -> None:
    """Other markers say nothing to the orchestra; the line counts from 1."""
    expected = CaseSpec("tests/test_a.py::test_x", "tests/test_a.py", 12)
    assert read() == read(mark("slow"), mark("parametrize", "a", [1])) == (expected, ())


def test_an_unknown_line_is_zero(read: Read) -> None:
    """Items that are no functions may not know their line."""
    spec, _ = read(nodeid="guide.md::1", location=("guide.md", None, "1"))
    assert (spec.file, spec.line) == ("guide.md", 0)


def check_location(item: pytest.Item) -> None:
    """Assert that we and pytest, who do not ask each other, find an item in the same place."""
    __tracebackhide__ = True
    vars(item).pop("location", None)
    spec, _ = read_item(item)
    ours = location_of(item)
    kept = vars(item).pop("location")
    assert ours == kept == item.location
    assert (spec.file, spec.line - 1) == item.location[:2]


def test_a_real_function_is_found_where_pytest_finds_it(request: pytest.FixtureRequest) -> None:
    """The short way to a function's file and line leads to the same place as pytest's."""
    check_location(request.node)


@logged
def test_a_wrapped_function_is_found_where_pytest_finds_it(request: pytest.FixtureRequest) -> None:
    """The line is that of the test, not of what a decorator made of it."""
    check_location(request.node)


def test_a_function_from_elsewhere_is_found_there(request: pytest.FixtureRequest) -> None:
    """A test that was defined in another file than its node id names has that file."""
    node = request.node
    elsewhere = pytest.Function.from_parent(node.parent, name="test_x", callobj=json.dumps)
    spec, _ = read_item(elsewhere)
    assert spec.file == elsewhere.location[0].replace("\\", "/")
    assert spec.file.endswith("json/__init__.py")


def test_dependencies_of_all_levels_add_up(read: Read, mark: Make) -> None:
    """The function's, the class's and the module's depends all hold."""
    spec, problems = read(
        mark("depends", "test_a", "test_b"),
        mark("depends", on="test_c"),
        around=(mark("depends", on=["test_d", "test_a"]), mark("depends", ["test_e"])),
    )
    assert targets(spec) == ["test_a", "test_b", "test_c", "test_d", "test_e"]
    assert spec.needs[0] == Need("test_a")
    assert problems == ()


def test_a_name_can_be_one_or_several(read: Read, mark: Make) -> None:
    """Names that others depend on come from every level too."""
    spec, _ = read(mark("depends", name="schema"), around=(mark("depends", name=["db", "schema"]),))
    assert spec.names == ("schema", "db")
    assert spec.needs == ()


def test_when_and_match_params_shape_the_need(read: Read, mark: Make) -> None:
    """Finished means whatever the outcome; matched parameters are passed on."""
    spec, problems = read(
        mark("depends", "test_a", when="finished"),
        mark("depends", "test_b", when="passed", match_params=True),
    )
    assert spec.needs == (Need("test_a", ANY_VERDICT), Need("test_b", match_params=True))
    assert problems == ()


def test_functions_and_classes_can_be_named_as_objects(
    read: Read, mark: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object stands for its node id: in the item's file, or in that of its own module."""
    other = ModuleType("other_suite")
    other.__file__ = "/suite/tests/unit/test_o.py"
    monkeypatch.setitem(sys.modules, "other_suite", other)
    monkeypatch.setattr(TestUser.test_name, "__module__", "other_suite")
    spec, problems = read(
        mark("depends", TestUser, when="passed"),
        mark("depends", on=[TestUser.test_name, "test_b"]),
        module=sys.modules[__name__],
    )
    assert targets(spec) == [
        "tests/test_a.py::TestUser",
        "tests/unit/test_o.py::TestUser::test_name",
        "test_b",
    ]
    assert problems == ()


def test_objects_that_no_file_defines_are_refused(read: Read, mark: Make) -> None:
    """A local function, or one from outside of the root directory, is no test to depend on."""

    def test_local() -> None:
        """Do nothing: it is only pointed at."""

    _, problems = read(mark("depends", test_local, len, on=Problem), module=sys.modules[__name__])
    assert [each.what.partition(" <")[0] for each in problems] == [
        f"depends: no file defines {test_local.__qualname__}",
        "depends: no file defines len",
        "depends: no file defines Problem",
    ]


@pytest.mark.parametrize(
    "target",
    [
        "test_x",
        "TestA::test_x",
        "tests/test_a.py::TestA::test_x",
        "tests/test_a.py::TestA::test_x[1]",
        "test_x[1]",
        "mine",
    ],
)
def test_a_class_may_depend_on_one_of_its_tests(read: Read, mark: Make, target: str) -> None:
    """What is said of a whole class or module does not make a test wait for itself."""
    nodeid = "tests/test_a.py::TestA::test_x[1]"
    others = mark("depends", target, "test_y")
    spec, problems = read(mark("depends", name="mine"), around=(others,), nodeid=nodeid)
    assert targets(spec) == ["test_y"]
    assert problems == ()


def test_a_test_that_names_itself_keeps_its_mistake(read: Read, mark: Make) -> None:
    """What is said of the test alone is left for others to report."""
    spec, _ = read(mark("depends", "test_x"))
    assert targets(spec) == ["test_x"]


def test_the_closest_priority_holds(read: Read, mark: Make) -> None:
    """A test's own priority replaces that of its class, also with zero."""
    assert read(mark("priority", 0), around=(mark("priority", 5),))[0].priority == 0
    assert read(around=(mark("priority", -1.5), mark("priority", 5)))[0].priority == -1.5


def test_resources_are_claimed(read: Read, mark: Make) -> None:
    """Names, counts, quantities and locks can stand in one marker."""
    spec, problems = read(
        mark("resources", "db", "browser", gpu=2, memory="4GB", schema="read", cache="write")
    )
    assert spec.claims == {
        Claim("db"),
        Claim("browser"),
        Claim("gpu", 2),
        Claim("memory", 4_000_000_000),
        Claim("schema", mode=Mode.READ),
        Claim("cache", mode=Mode.WRITE),
    }
    assert not spec.alone
    assert problems == ()


def test_the_closest_claim_of_each_resource_holds(read: Read, mark: Make) -> None:
    """A test may claim more or less of what its class claims, and keeps the rest."""
    spec, _ = read(
        mark("resources", gpu=1), around=(mark("resources", "db", gpu=4), mark("resources", "*"))
    )
    assert spec.claims == {Claim("gpu", 1), Claim("db")}
    assert spec.alone


def test_a_star_means_alone(read: Read, mark: Make) -> None:
    """Nothing else runs meanwhile, and no resource of that name is claimed."""
    spec, problems = read(mark("resources", "*"))
    assert (spec.alone, spec.claims, problems) == (True, frozenset(), ())


def test_the_closest_xdist_group_holds(read: Read, mark: Make) -> None:
    """It is named as for xdist."""
    assert read(mark("xdist_group", "g"), around=(mark("xdist_group", "h"),))[0].group == "g"
    assert read(mark("xdist_group", name="g"))[0].group == "g"
    assert read(mark("xdist_group"))[0].group == "default"
    assert read(mark("slow"))[0].group is None


def test_data_is_provided_used_and_cleaned_by_name(read: Read, mark: Make) -> None:
    """One name or several, beside other arguments; several markers add up, each name once."""
    spec, problems = read(
        mark("provides", "user", "mail"),
        mark("depends", "test_a", data="db"),
        mark("depends", data=["db", "key"]),
        mark("cleans", "old"),
        around=(mark("provides", "user"), mark("depends", data="all")),
    )
    assert problems == ()
    assert spec.provides == ("user", "mail")
    assert spec.uses == ("db", "key", "all")
    assert spec.cleans == ("old",)
    assert targets(spec) == ["test_a"]


def test_what_a_class_uses_its_maker_and_its_cleaner_do_not(read: Read, mark: Make) -> None:
    """A class may use what one of its own tests makes; said of that test itself it is kept."""
    whole = (mark("depends", data=["user", "db"]),)
    assert read(mark("provides", "user"), around=whole)[0].uses == ("db",)
    assert read(mark("cleans", "user"), around=whole)[0].uses == ("db",)
    own = mark("depends", data="user")
    assert read(mark("cleans", "user"), own)[0].uses == ("user",)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (("depends", (), {}), "it names nothing"),
        (("depends", ("",), {}), "'' is not the name of a test"),
        (("depends", (" ",), {}), "' ' is not the name of a test"),
        (("depends", (3,), {}), "3 is not the name of a test"),
        (("depends", (["test_a", None],), {}), "None is not the name of a test"),
        (("depends", (), {"on": {"test_a": 1}}), "{'test_a': 1} is not the name of a test"),
        (("depends", (), {"name": ""}), "'' is not a name"),
        (("depends", (), {"name": ["a", 1]}), "1 is not a name"),
        (("depends", ("a",), {"when": "done"}), "when='done' is neither 'passed' nor 'finished'"),
        (("depends", ("a",), {"when": []}), "when=[] is neither 'passed' nor 'finished'"),
        (("depends", ("a",), {"match_params": 1}), "match_params=1 is neither True nor False"),
        (("depends", (), {"date": "user"}), "unknown keyword 'date'"),
        (("depends", (), {"data": 1}), "1 is not the name of data"),
        (("depends", (), {"data": ["user", ""]}), "'' is not the name of data"),
        (("provides", (), {}), "it names nothing"),
        (("provides", (3,), {}), "3 is not the name of data"),
        (("provides", ("user",), {"when": "passed"}), "unknown keyword 'when'"),
        (("cleans", (), {}), "it names nothing"),
        (("cleans", (" ",), {}), "' ' is not the name of data"),
        (("priority", (), {}), "it takes one number"),
        (("priority", (1, 2), {}), "it takes one number"),
        (("priority", (1,), {"n": 1}), "it takes one number"),
        (("priority", (True,), {}), "True is not a finite number"),
        (("priority", ("10",), {}), "'10' is not a finite number"),
        (("priority", (float("nan"),), {}), "nan is not a finite number"),
        (("priority", (float("inf"),), {}), "inf is not a finite number"),
        (("resources", (), {}), "it names nothing"),
        (("resources", ("",), {}), "'' is not the name of a resource"),
        (("resources", (2,), {}), "2 is not the name of a resource"),
        (("resources", ("db",), {"db": 2}), "'db' is claimed twice"),
        (("resources", ("db", "db"), {}), "'db' is claimed twice"),
        (("resources", (), {"db": 0}), "db: 0 is not an amount"),
        (("resources", (), {"db": -1}), "db: -1 is not an amount"),
        (("resources", (), {"db": 1.5}), "db: 1.5 is not an amount"),
        (("resources", (), {"db": True}), "db: True is not an amount"),
        (("resources", (), {"db": "reed"}), "db: 'reed' is not a quantity such as"),
        (("resources", (), {"mem": "4XB"}), "mem: '4XB' has the unknown unit 'XB'"),
        (("resources", (), {"*": 2}), "*: it has no amount"),
        (("resources", (), {"": 2}), ": it has no amount"),
    ],
)
def test_a_malformed_marker_is_a_problem(
    read: Read, mark: Make, written: tuple[str, tuple[Any, ...], dict[str, Any]], what: str
) -> None:
    """Nothing that a marker says raises; each mistake is told with its marker and test."""
    name, args, kwargs = written
    spec, (problem,) = read(mark(name, *args, **kwargs))
    assert problem.what.startswith(f"{name}: {what}")
    assert problem.remedy
    assert problem.marker == name
    assert problem.nodeid == spec.nodeid


def test_a_misspelled_keyword_has_a_near_miss(read: Read, mark: Make) -> None:
    """The keyword that was probably meant is the remedy, and where it stands can be found."""
    _, (problem,) = read(mark("depends", "a", match_param=True))
    assert problem.remedy == "did you mean match_params?"
    assert problem.needle == "match_param"


def test_all_mistakes_are_told_and_the_rest_is_kept(read: Read, mark: Make) -> None:
    """One malformed marker does not hide another, nor what is sound."""
    spec, problems = read(
        mark("depends", "test_a", ""), mark("priority", "x"), mark("resources", "db", gpu=0)
    )
    assert len(problems) == 3
    assert targets(spec) == ["test_a"]
    assert spec.claims == {Claim("db")}


def test_every_marker_is_described_with_an_example() -> None:
    """`pytest --markers` shows how each is written."""
    names = ["depends", "provides", "cleans", "priority", "resources", "retries"]
    assert [line.split("(")[0] for line in OUR_MARKER_LINES] == names
    assert all("Example: @pytest.mark." in line for line in OUR_MARKER_LINES)


def test_marks_add_their_weight_to_the_priority(read: Read, mark: Make) -> None:
    """Each once, on top of what the marker says, and without any marker of ours."""
    weights = {"smoke": 100.0, "critical": 10.0, "slow": -1.0}
    assert read(mark("smoke"), weights=weights)[0].priority == 100.0
    assert (
        read(mark("smoke"), mark("slow"), mark("priority", 5), weights=weights)[0].priority == 104.0
    )
    assert read(mark("smoke"), around=(mark("smoke"),), weights=weights)[0].priority == 100.0
    assert read(mark("other"), weights=weights)[0].priority == 0.0
    assert read(mark("smoke"))[0].priority == 0.0
