import pytest
from shop.cart import Cart
from shop.catalogue import Catalogue
from shop.pricing import line_price, quote, shipping_fee


@pytest.mark.parametrize(("quantity", "expected"), [(9, 1800), (10, 1800)])
def test_bulk_discount(quantity: int, expected: int) -> None:
    assert line_price(200, quantity) == expected


@pytest.mark.parametrize(("goods", "expected"), [(4999, 490), (5000, 0)], ids=["below", "from"])
def test_shipping_fee(goods: int, expected: int) -> None:
    assert shipping_fee(goods) == expected


# The name of a parametrized test stands for all of its parameters.
@pytest.mark.depends("test_bulk_discount", "test_shipping_fee")
@pytest.mark.depends("tests/unit/test_cart.py::TestCart")
def test_quote(products: Catalogue) -> None:
    price = quote(Cart({"mug": 2, "cocoa": 10}), products)
    assert (price.goods, price.shipping, price.total) == (5975, 0, 5975)
