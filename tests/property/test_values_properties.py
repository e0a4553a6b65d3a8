"""What a test provides is what others get, or an error: no value changes on its way."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.errors import DataError
from pytest_orchestra.running.data_port import encode

TEXTS: Final = st.text(st.characters(codec=None, exclude_categories=()))
LEAVES: Final = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
ODD: Final = st.binary() | st.tuples(st.integers()) | st.floats() | st.frozensets(st.integers())


@given(
    st.recursive(
        LEAVES | ODD,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS | st.integers(), inner),
        max_leaves=8,
    )
)
def test_a_value_arrives_as_it_is_or_not_at_all(value: object) -> None:
    """What is accepted can be read back and is equal; what could not be is refused by name."""
    try:
        data = encode("user", value)
    except DataError as error:
        assert str(error).startswith("'user' must be JSON ")  # noqa: PT017 - or it is accepted
        return
    assert json.loads(data.decode("utf-8", "surrogatepass")) == value
