"""From a cart to a paid order."""

from dataclasses import dataclass

from shop.cart import Cart
from shop.catalogue import Catalogue
from shop.errors import PaymentError
from shop.payment import Payments
from shop.pricing import quote
from shop.store import Order, Store


@dataclass(frozen=True)
class Checkout:
    """Sells what is in the catalogue and on the shelf."""

    catalogue: Catalogue
    store: Store
    payments: Payments

    def buy(self, cart: Cart, card: str) -> Order:
        """Reserve the pieces, charge the card, and return the paid order.

        When the payment fails, the pieces go back on the shelf.
        """
        amount = quote(cart, self.catalogue).total
        number = self.store.place(cart, amount)
        try:
            receipt = self.payments.charge(amount, card)
        except PaymentError:
            self.store.cancel(number)
            raise
        self.store.mark_paid(number, receipt)
        return self.store.order(number)

    def cancel(self, number: int) -> Order:
        """Give the money back, put the pieces on the shelf, and return the cancelled order."""
        order = self.store.order(number)
        self.store.cancel(number)
        if order.receipt is not None:
            self.payments.refund(order.receipt)
        return self.store.order(number)
