"""A one-time code sent by SMS, bound to one purpose, one checkout and, for a signature, one document hash."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from merchant_server.domain.errors import RuleRefused

DIGITS = 6
LIFE_SECONDS = 600
TRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Code:
    """One code as stored: only its keyed hash. OWASP ASVS 6.5.1, 6.5.4, 6.5.5, 6.6.2."""

    id: str
    purpose: str
    checkout_id: str
    bound_to: str
    phone_index: str
    digest: str
    tries: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    def attempt(self, digits: str, key: bytes, now: datetime) -> "Attempt":
        """Return the code after one try and whether it was right; the caller stores it either way.

        Raises RuleRefused when the code is used, over, or tried five times.
        """
        if self.used_at is not None:
            raise RuleRefused("this code was already used", code="code_used", hint="ask for a new code")
        if now >= self.expires_at:
            raise RuleRefused("this code has expired", code="code_expired", hint="ask for a new code")
        if self.tries >= TRIES_MAX:
            raise RuleRefused("too many wrong codes", code="code_exhausted", hint="ask for a new code")
        right = hmac.compare_digest(self.digest, digest_of(digits, key, self.id, self.bound_to))
        tried = replace(self, tries=self.tries + 1, used_at=now if right else None)
        return Attempt(tried, right)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The code after a try, and whether it was right."""

    code: Code
    right: bool


def digest_of(digits: str, key: bytes, code_id: str, bound_to: str) -> str:
    """Return what is stored of a code: an HMAC, since a million codes are quickly enumerated."""
    return hmac.new(key, f"{code_id}|{bound_to}|{digits}".encode(), hashlib.sha256).hexdigest()


def issue(
    *,
    code_id: str,
    purpose: str,
    checkout_id: str,
    bound_to: str,
    phone_index: str,
    digits: str,
    key: bytes,
    now: datetime,
) -> Code:
    """Return a new code for `digits`, good for ten minutes."""
    return Code(
        id=code_id,
        purpose=purpose,
        checkout_id=checkout_id,
        bound_to=bound_to,
        phone_index=phone_index,
        digest=digest_of(digits, key, code_id, bound_to),
        tries=0,
        created_at=now,
        expires_at=now + timedelta(seconds=LIFE_SECONDS),
    )
