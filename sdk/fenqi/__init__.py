"""Sell in installments. What a merchant imports, loaded at first use: `import fenqi` itself is nearly free.

Must not import anything that pulls in Flask or server code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fenqi._version import __version__

if TYPE_CHECKING:
    from fenqi import errors, finance, ids, qr, testing, till, webhooks, wire
    from fenqi.api.resources import Checkout, Event, Loan
    from fenqi.client import Client
    from fenqi.errors import (
        APIError,
        AuthenticationError,
        ConfigError,
        ConflictError,
        ConnectionFailed,
        FenqiError,
        IdempotencyError,
        InvalidArgument,
        InvalidRequestError,
        JsonRefused,
        NotFenqi,
        NotFoundError,
        PermissionDenied,
        RateLimitError,
        RequestTimeout,
        ServerError,
        SignatureVerificationError,
        TransportError,
        Unavailable,
    )
    from fenqi.finance.errors import FinanceError
    from fenqi.finance.money import Money
    from fenqi.finance.plan import Plan
    from fenqi.offers import Offer, quote
    from fenqi.till.counter import Till

__all__ = [
    "APIError",
    "AuthenticationError",
    "Checkout",
    "Client",
    "ConfigError",
    "ConflictError",
    "ConnectionFailed",
    "Event",
    "FenqiError",
    "FinanceError",
    "IdempotencyError",
    "InvalidArgument",
    "InvalidRequestError",
    "JsonRefused",
    "Loan",
    "Money",
    "NotFenqi",
    "NotFoundError",
    "Offer",
    "PermissionDenied",
    "Plan",
    "RateLimitError",
    "RequestTimeout",
    "ServerError",
    "SignatureVerificationError",
    "Till",
    "TransportError",
    "Unavailable",
    "__version__",
    "errors",
    "finance",
    "ids",
    "qr",
    "quote",
    "testing",
    "till",
    "webhooks",
    "wire",
]

_MODULES = frozenset({"errors", "finance", "ids", "qr", "testing", "till", "webhooks", "wire"})
_HOMES = {
    "Checkout": "fenqi.api.resources",
    "Client": "fenqi.client",
    "Event": "fenqi.api.resources",
    "FinanceError": "fenqi.finance.errors",
    "Loan": "fenqi.api.resources",
    "Money": "fenqi.finance.money",
    "Offer": "fenqi.offers",
    "Plan": "fenqi.finance.plan",
    "Till": "fenqi.till.counter",
    "quote": "fenqi.offers",
}


def __getattr__(name: str) -> Any:
    """Load a public name at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'fenqi' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"fenqi.{name}")
    value = getattr(import_module(_HOMES.get(name, "fenqi.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
