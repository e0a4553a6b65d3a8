"""Everything that can go wrong for a customer."""


class ShopError(Exception):
    """The base of all errors of the shop; its text can be shown to a customer."""


class InvalidRequestError(ShopError):
    """The request makes no sense, whatever the state of the shop."""


class NotFoundError(ShopError):
    """There is no such product, order or page."""


class OutOfStockError(ShopError):
    """Fewer pieces are left than were ordered."""


class PaymentError(ShopError):
    """The money did not arrive."""


class PaymentDeclinedError(PaymentError):
    """The bank refused the payment."""


class PaymentUnavailableError(PaymentError):
    """The card terminal did not answer."""
