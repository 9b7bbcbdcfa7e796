"""Who applies: a name and an id number, checked before anybody outside is asked."""

import re
import unicodedata

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from merchant_server.domain.consumer import Person
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.features import LARGEST_AMOUNT_MINOR

CONSENTS = ("identity_check", "credit_report", "terms")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[·•.' -]){1,59}")


def parse_person(name: str, id_number: str, phone: str) -> Person:
    """Check a name and an id number (GB 11643: length, date, checksum). Raises RuleRefused naming the field."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise RuleRefused("this is not a name", code="name_invalid", field="name", hint="as on your id card")
    number = valid_id_number(id_number)
    return Person(name, number, phone, ric.get_birth_date(number))


def valid_id_number(text: str) -> str:
    """Return an id number in its lasting form, or raise RuleRefused (id_number_invalid)."""
    try:
        number: str = ric.validate(text)
        ric.get_birth_date(number)
    except ValidationError:
        raise RuleRefused(
            "this is not a valid id number",
            code="id_number_invalid",
            field="id_number",
            hint="18 characters, as on your id card",
        ) from None
    return number


def parse_stated(text: str, currency: str, field: str) -> int:
    """Return an amount that a person stated, in minor units; 0 when nothing was typed.

    Raises RuleRefused (stated_invalid) naming the field, `income` or `debts`.
    """
    plain = re.sub(r"[\s,'¥￥元]", "", unicodedata.normalize("NFKC", text))
    try:
        stated = Money.parse(plain or "0", currency)
    except FinanceError:
        stated = None
    if stated is None or not 0 <= stated.minor <= LARGEST_AMOUNT_MINOR:
        raise RuleRefused(
            "this is no amount",
            code="stated_invalid",
            field=field,
            hint="digits such as 8000, or nothing at all",
        )
    return stated.minor


def require_consents(consents: tuple[str, ...]) -> None:
    """Raise RuleRefused (consent_missing), naming the first consent that a decision needs and does not have."""
    missing = [consent for consent in CONSENTS if consent not in consents]
    if missing:
        raise RuleRefused(
            "each consent is needed for a decision",
            code="consent_missing",
            field=missing[0],
            hint="tick it, or pay another way",
        )
