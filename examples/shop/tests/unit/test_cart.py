import pytest
from shop.cart import Cart, parse
from shop.errors import InvalidRequestError


class TestCart:
    def test_new_cart_is_empty(self) -> None:
        assert len(Cart()) == 0

    def test_adding_twice_adds_up(self) -> None:
        assert Cart().add("mug").add("mug", 2).quantities == {"mug": 3}

    def test_removing_leaves_the_rest(self) -> None:
        assert Cart({"mug": 2, "cocoa": 1}).remove("mug").quantities == {"cocoa": 1}


# The name of a class stands for all of its tests.
@pytest.mark.depends("TestCart")
def test_parse_reads_what_a_browser_sends() -> None:
    assert parse({"mug": 2, "cocoa": 1}) == Cart({"mug": 2, "cocoa": 1})


@pytest.mark.depends("TestCart")
@pytest.mark.parametrize("items", [{}, {"mug": 0}, {"mug": "2"}], ids=["empty", "zero", "text"])
def test_parse_refuses(items: object) -> None:
    with pytest.raises(InvalidRequestError):
        parse(items)
