"""What a cart costs. All amounts are in cents."""

from dataclasses import dataclass

from shop.cart import Cart
from shop.catalogue import Catalogue

BULK_QUANTITY = 10
BULK_DISCOUNT_PERCENT = 10
SHIPPING_FEE = 490
FREE_SHIPPING_FROM = 5000


@dataclass(frozen=True)
class Quote:
    """The price of a cart and what it consists of."""

    goods: int
    shipping: int

    @property
    def total(self) -> int:
        """What the customer pays."""
        return self.goods + self.shipping


def line_price(price: int, quantity: int) -> int:
    """The price of several pieces of one product; many pieces are cheaper."""
    full = price * quantity
    if quantity < BULK_QUANTITY:
        return full
    return full * (100 - BULK_DISCOUNT_PERCENT) // 100


def shipping_fee(goods: int) -> int:
    """The price of sending goods of this value."""
    return 0 if goods >= FREE_SHIPPING_FROM else SHIPPING_FEE


def quote(cart: Cart, catalogue: Catalogue) -> Quote:
    """The price of a cart at the prices of a catalogue."""
    goods = sum(
        line_price(catalogue.find(sku).price, quantity) for sku, quantity in cart.quantities.items()
    )
    return Quote(goods, shipping_fee(goods))
