"""The cart: quantities by product in the signed session cookie. It knows no prices and holds no personal data."""

from collections.abc import Callable
from dataclasses import dataclass

from fenqi import Money
from flask import session

from demo_store.catalog import Catalog, Product
from demo_store.orders import OrderLine

MAX_QUANTITY = 9


@dataclass(frozen=True, slots=True)
class CartLine:
    """One product and how many of it."""

    product: Product
    quantity: int

    @property
    def total(self) -> Money:
        """Price times quantity."""
        return self.product.price * self.quantity


class Cart:
    """This browser's cart."""

    def __init__(self, catalog: Catalog) -> None:
        kept = session.get("cart")
        self._quantities: dict[str, int] = dict(kept) if isinstance(kept, dict) else {}
        found = {sku: catalog.find(sku) for sku in self._quantities}
        self.lines = [CartLine(product, self._quantities[sku]) for sku, product in found.items() if product]

    @property
    def total(self) -> Money | None:
        """What the cart costs, or None when it is empty."""
        if not self.lines:
            return None
        return sum((line.total for line in self.lines[1:]), self.lines[0].total)

    def form_token(self, new_token: Callable[[], str]) -> str:
        """Return the word that all "pay" forms of this cart carry, so that a double click is one order."""
        if "cart_token" not in session:
            session["cart_token"] = new_token()
        return str(session["cart_token"])

    def put(self, sku: str, quantity: int) -> None:
        """Set a quantity, kept between 0 (removed) and MAX_QUANTITY."""
        quantity = max(0, min(quantity, MAX_QUANTITY))
        if quantity:
            self._quantities[sku] = quantity
        else:
            self._quantities.pop(sku, None)
        session["cart"] = self._quantities

    def quantity_of(self, sku: str) -> int:
        """Return how many of a product are in the cart."""
        return self._quantities.get(sku, 0)

    def order_lines(self) -> tuple[OrderLine, ...]:
        """Return the lines as an order keeps them."""
        return tuple(
            OrderLine(
                line.product.sku,
                line.product.name_zh,
                line.product.name_en,
                line.quantity,
                line.product.price,
            )
            for line in self.lines
        )


def cart_count() -> int:
    """Return how many things are in the cart, for the header."""
    kept = session.get("cart")
    return sum(kept.values()) if isinstance(kept, dict) else 0


def empty_cart() -> None:
    """Forget the cart and its token: the next order is another one."""
    session.pop("cart", None)
    session.pop("cart_token", None)
    session.pop("cart_order", None)
