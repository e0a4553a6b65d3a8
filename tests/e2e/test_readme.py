"""The README's and the hooks page's examples are run, and do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"\d+(\.\d+)?")


def blocks(document: str, language: str) -> list[str]:
    """Return the code blocks of one language, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def shape(line: str) -> str:
    """Return ``line`` without its figures and the width that they take."""
    return " ".join(NUMBER.sub("0", line).split())


def test_first_screen_prints_what_it_says(pytester: pytest.Pytester) -> None:
    """The first example gives the output that the README shows, but for figures and order."""
    pytester.makepyfile(test_shop=blocks("README.md", "python")[0])
    pytester.makefile(".toml", pyproject=blocks("README.md", "toml")[0])
    shown = blocks("README.md", "console")[1].splitlines()
    command = shown[0].removeprefix("$ ").replace("auto", "4").split()[1:]
    result = pytester.runpytest_subprocess(*command, "-p", "no:cacheprovider", timeout=300)
    assert result.ret == 0
    printed = {shape(line) for line in result.outlines}
    for line in shown[2:]:
        if line.startswith(("workers busy", "longest", "quality", "  ", "=")):
            continue  # what is busiest and what waits longest differs from run to run
        assert shape(line) in printed
    assert any(line.startswith("workers busy for") for line in result.outlines)
    # On a slow machine it takes longer than its tests need, and is less efficient.
    assert any(
        re.match(r"quality [A-E]: \(40 x 1.00 passing \+ ", line) for line in result.outlines
    )
    assert "test_latency  for all others to end, to run alone" in result.stdout.str()


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Load only these plugins: each costs time in every process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return ("-pxdist", "-porchestra", "--orchestrate")


def test_marker_overview_is_accepted(pytester: pytest.Pytester, lean: tuple[str, ...]) -> None:
    """Every marker line of the README can be put on a test as it stands."""
    lines = [line for line in blocks("README.md", "python")[1].splitlines() if line]
    tests = "\n\n".join(
        f"{line}\ndef test_marked_{number}(): pass" for number, line in enumerate(lines)
    )
    others = "\n".join(f"def {name}(): pass\n" for name in ("test_login", "test_load"))
    pairs = '@pytest.mark.parametrize("db", ["pg"])\ndef test_create(db): pass\n'
    tests = tests.replace(
        "match_params=True)", 'match_params=True)\n@pytest.mark.parametrize("db", ["pg"])'
    )
    tests = tests.replace("def test_marked_4()", "def test_marked_4(db)")
    tests = tests.replace(
        "def test_marked_5(): pass", 'def test_marked_5(outputs): outputs["user"] = {"id": 7}'
    )
    pytester.makepyfile(test_marks=f"import pytest\n\n{others}\n{pairs}\n\n{tests}\n")
    tests_folder = pytester.mkdir("tests")
    (tests_folder / "test_api.py").write_text("class TestUser:\n    def test_new(self): pass\n")
    pytester.makefile(
        ".toml", pyproject='[tool.pytest_orchestra.resources]\ngpu = 2\nmemory = "8GB"\n'
    )
    result = pytester.runpytest_subprocess(*lean, "--strict-markers", timeout=300)
    result.assert_outcomes(passed=len(lines) + 4)


def test_data_example_works(pytester: pytest.Pytester, lean: tuple[str, ...]) -> None:
    """The files that the markers page shows hand the user on, and are run in their order."""
    (text,) = (
        block for block in blocks("docs/markers.md", "python") if "# test_create.py" in block
    )
    _, *files = re.split(r"^# (test_\w+)\.py$", text, flags=re.MULTILINE)
    for name, content in zip(files[::2], files[1::2], strict=True):
        pytester.makepyfile(**{name: f"import pytest\n{content}"})
    result = pytester.runpytest_subprocess(*lean, "-n", "2", "-v", timeout=300)
    result.assert_outcomes(passed=3)
    begun = re.findall(r"^\[gw\d\].* PASSED .*(test_\w+)\.py", result.stdout.str(), re.MULTILINE)
    assert begun == ["test_create", "test_read", "test_delete"]


@pytest.mark.parametrize("hook", range(4))
def test_hooks_page_works(pytester: pytest.Pytester, lean: tuple[str, ...], hook: int) -> None:
    """Each conftest.py of the hooks page runs as it stands."""
    pytester.makeconftest(blocks("docs/hooks.md", "python")[hook])
    pytester.makepyfile("import pytest\n@pytest.mark.smoke\ndef test_one(tmp_path): pass\n")
    pytester.makeini("[pytest]\nmarkers = smoke")
    result = pytester.runpytest_subprocess(*lean, timeout=300)
    result.assert_outcomes(passed=1)


def test_configuration_page_is_valid(pytester: pytest.Pytester, lean: tuple[str, ...]) -> None:
    """The configuration that the page shows is accepted."""
    pytester.makefile(".toml", pyproject=blocks("docs/configuration.md", "toml")[0])
    pytester.makepyfile("def test_one(): pass")
    pytester.runpytest_subprocess(*lean, timeout=300).assert_outcomes(passed=1)
