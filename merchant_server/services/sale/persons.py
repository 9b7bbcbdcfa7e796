"""Who applies: a name and an id number, checked before anybody outside is asked."""

import re

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from merchant_server.domain.consumer import Person
from merchant_server.domain.errors import RuleRefused

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
