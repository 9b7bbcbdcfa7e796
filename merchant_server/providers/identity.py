"""The real-name check over HTTP. It keeps nothing, and lets no personal data into an error."""

from merchant_server.domain.decision import Identity
from merchant_server.providers.http import JsonService, NotStrictJson, closed_object


class HttpIdentityProvider:
    """Implements ports.IdentityProvider against `POST /identity/v1/checks`."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 2.0,
    ) -> None:
        self._service = JsonService(
            provider="identity",
            base_url=base_url,
            api_key=api_key,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )

    def check(self, *, reference: str, name: str, id_number: str, phone: str) -> Identity:
        """Ask whether name, id number and phone belong to one person: match or mismatch.

        Raises ProviderUnavailable for all else, a refused request included: the answer is then unknown.
        """
        body = {"reference": reference, "name": name, "id_number": id_number, "phone": phone}
        answer = self._service.post("identity", "v1", "checks", body=body)
        if answer.status != 200:
            raise self._service.unavailable(f"it refused the question with HTTP {answer.status}")
        try:
            found = closed_object(answer.data, {"reference": str, "result": str})
        except NotStrictJson as error:
            raise self._service.garbled(error.reason, answer.raw) from None
        if found["result"] not in ("match", "mismatch") or not 0 < len(found["reference"]) <= 64:
            raise self._service.garbled("the result is not one that was agreed on", answer.raw)
        return Identity(result=found["result"], reference=found["reference"])
