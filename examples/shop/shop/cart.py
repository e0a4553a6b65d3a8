"""What a customer wants to buy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.errors import InvalidRequestError


@dataclass(frozen=True)
class Cart:
    """Quantities by stock keeping unit; every change gives a new cart."""

    quantities: Mapping[str, int] = field(default_factory=dict)

    def add(self, sku: str, quantity: int = 1) -> "Cart":
        """A cart with `quantity` more pieces of a product."""
        if quantity < 1:
            raise InvalidRequestError(f"cannot add {quantity} pieces of {sku!r}")
        return Cart({**self.quantities, sku: self.quantities.get(sku, 0) + quantity})

    def remove(self, sku: str) -> "Cart":
        """A cart without this product."""
        return Cart({other: count for other, count in self.quantities.items() if other != sku})

    def __len__(self) -> int:
        return sum(self.quantities.values())


def parse(items: object) -> Cart:
    """Read a cart as a browser sends it, such as `{"mug": 2}`."""
    if not isinstance(items, dict) or not items:
        raise InvalidRequestError("items must be an object like {sku: quantity}")
    cart = Cart()
    for sku, quantity in items.items():
        if type(quantity) is not int:
            raise InvalidRequestError(f"the quantity of {sku!r} must be a whole number")
        cart = cart.add(sku, quantity)
    return cart
