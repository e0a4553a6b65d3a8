import pytest
from shop.catalogue import Catalogue
from shop.errors import NotFoundError


def test_find_returns_the_product(products: Catalogue) -> None:
    assert products.find("mug").price == 850


def test_find_refuses_an_unknown_product(products: Catalogue) -> None:
    with pytest.raises(NotFoundError, match="'gold'"):
        products.find("gold")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("TEA", ["tea-green", "tea-black", "teapot"]), ("wine", [])],
    ids=["many", "none"],
)
def test_search_ignores_case(products: Catalogue, word: str, expected: list[str]) -> None:
    assert [product.sku for product in products.search(word)] == expected
