"""What went on around a test, against a model that looks at everything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_orchestra.history.surroundings import Scene, Span


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Return what some workers ran, one test at a time each."""
    found: list[Span] = []
    for worker in range(draw(st.integers(1, 4))):
        now = 0
        for _ in range(draw(st.integers(0, 6))):
            began = now + draw(st.integers(0, 3))
            now = began + draw(st.integers(1, 5))
            claims = draw(st.sampled_from([(), ("db",), ("db", "port")]))
            found.append(Span(f"t{len(found)}", f"gw{worker}", began, now, claims))
    return draw(st.permutations(found))


@settings(deadline=None)
@given(spans())
def test_a_scene_knows_what_all_spans_tell(found: list[Span]) -> None:
    """Before in the same process, beside on others, in whatever order they are given."""
    scene = Scene(found)
    for each in found:
        assert scene.before(each.worker, each.began) == {
            other.nodeid
            for other in found
            if other.worker == each.worker and other.began < each.began
        }
        beside = scene.beside(each.worker, each.began, each.ended)
        assert sorted(span.nodeid for span in beside) == sorted(
            other.nodeid
            for other in found
            if other.worker != each.worker and other.began < each.ended and each.began < other.ended
        )
