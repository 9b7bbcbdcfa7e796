"""Selling without network: the till, its keys and bounds, and the messages that it and the server exchange.

Needs `pip install "fenqi[till]"` for its signatures.
"""

from fenqi.till.counter import Reconciliation, Till
from fenqi.till.errors import CodeWrong, TillRefused
from fenqi.till.grant import Grant
from fenqi.till.journal import OfflineSale, SaleStatus
from fenqi.till.keys import PublicKeys, SecretKeys
from fenqi.till.receipts import Receipt

__all__ = [
    "CodeWrong",
    "Grant",
    "OfflineSale",
    "PublicKeys",
    "Receipt",
    "Reconciliation",
    "SaleStatus",
    "SecretKeys",
    "Till",
    "TillRefused",
]
