"""Products and the price list they are read from."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from shop.errors import NotFoundError

PRICE_LIST = Path(__file__).with_name("products.json")


@dataclass(frozen=True)
class Product:
    """Something the shop sells; the price is in cents."""

    sku: str
    name: str
    price: int


class Catalogue:
    """All products, by their stock keeping unit."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = {product.sku: product for product in products}

    def products(self) -> list[Product]:
        """All products, in the order of the price list."""
        return list(self._products.values())

    def find(self, sku: str) -> Product:
        """The product with this stock keeping unit."""
        try:
            return self._products[sku]
        except KeyError:
            raise NotFoundError(f"no product {sku!r}") from None

    def search(self, word: str) -> list[Product]:
        """The products whose name contains `word`, in upper or lower case."""
        return [product for product in self.products() if word.lower() in product.name.lower()]

    def with_price(self, sku: str, price: int) -> "Catalogue":
        """The same catalogue with another price for one product."""
        changed = replace(self.find(sku), price=price)
        return Catalogue([*self.products(), changed])


def load(path: Path) -> Catalogue:
    """Read a price list."""
    return Catalogue(Product(**entry) for entry in json.loads(path.read_text("utf-8")))


def save(catalogue: Catalogue, path: Path) -> None:
    """Write a price list; a reader sees the old one or the new one, never a part."""
    entries = [asdict(product) for product in catalogue.products()]
    with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(entries, file, indent=2)
    Path(file.name).replace(path)
