"""The SMS gateway over HTTP. Texts carry codes, so neither text nor number ever enters an error."""

from merchant_server.providers.http import JsonService


class HttpSmsSender:
    """Implements ports.SmsSender against `POST /sms/v1/messages`."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 5.0,
    ) -> None:
        self._service = JsonService(
            provider="sms",
            base_url=base_url,
            api_key=api_key,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )

    def send(self, *, reference: str, phone: str, text: str) -> None:
        """Send one text; a repeated reference sends nothing twice.

        Raises ProviderRefused (the gateway will never take it), ProviderUnavailable (try again).
        """
        body = {"reference": reference, "phone": phone, "text": text}
        answer = self._service.post("sms", "v1", "messages", body=body)
        if answer.status >= 400:
            raise self._service.refused(answer)
        if answer.data != {"reference": reference, "status": "accepted"}:
            raise self._service.unavailable("the answer is not about this message")
