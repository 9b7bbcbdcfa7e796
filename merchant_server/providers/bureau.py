"""The credit bureau over HTTP. An answer that is not exactly a report within its bounds is no answer."""

from merchant_server.domain.decision import Bureau
from merchant_server.providers.http import Answer, JsonService, NotStrictJson, closed_object

_FIELDS: dict[str, type] = {
    "reference": str,
    "status": str,
    "debts": dict,
    "worst_overdue_days": int,
    "inquiries_30d": int,
}
_SCORES = range(300, 901)
_AMOUNT_MINOR_MAX = 10**12
_OVERDUE_DAYS_MAX = 3650
_INQUIRIES_MAX = 1000


class HttpBureauProvider:
    """Implements ports.BureauProvider against `POST /bureau/v1/reports`; debts and income must be in `currency`."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        currency: str = "CNY",
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 2.0,
    ) -> None:
        self._currency = currency
        self._service = JsonService(
            provider="bureau",
            base_url=base_url,
            api_key=api_key,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )

    def report(self, *, reference: str, id_number: str) -> Bureau:
        """Fetch the report of one id number. Raises ProviderUnavailable and nothing else."""
        body = {"reference": reference, "id_number": id_number}
        answer = self._service.post("bureau", "v1", "reports", body=body)
        if answer.status != 200:
            raise self._service.unavailable(f"it refused the question with HTTP {answer.status}")
        try:
            return self._read(answer)
        except NotStrictJson as error:
            raise self._service.garbled(error.reason, answer.raw) from None

    def _read(self, answer: Answer) -> Bureau:
        score_kind = type(None) if answer.data.get("status") == "thin" else int
        # No income, as opposed to none seen, is never said: a bureau that does not know one sends null.
        income_kind = type(None) if answer.data.get("income") is None else dict
        found = closed_object(answer.data, {**_FIELDS, "score": score_kind, "income": income_kind})
        debts_minor = self._amount("debts", found["debts"])
        income_minor = 0 if found["income"] is None else self._amount("income", found["income"])
        if found["status"] not in ("found", "thin") or not 0 < len(found["reference"]) <= 64:
            raise NotStrictJson("the status is not one that was agreed on")
        within = (
            (found["score"] is None or found["score"] in _SCORES)
            and 0 <= found["worst_overdue_days"] <= _OVERDUE_DAYS_MAX
            and 0 <= found["inquiries_30d"] <= _INQUIRIES_MAX
        )
        if not within:
            raise NotStrictJson("a figure is out of its bounds")
        return Bureau(
            status=found["status"],
            score=found["score"],
            debts_minor=debts_minor,
            worst_overdue_days=found["worst_overdue_days"],
            inquiries_30d=found["inquiries_30d"],
            reference=found["reference"],
            income_minor=income_minor,
        )

    def _amount(self, name: str, value: object) -> int:
        money = closed_object(value, {"minor": int, "currency": str})
        if money["currency"] != self._currency or not 0 <= money["minor"] <= _AMOUNT_MINOR_MAX:
            raise NotStrictJson(f"the field {name} is not an amount in {self._currency} within its bounds")
        return int(money["minor"])
