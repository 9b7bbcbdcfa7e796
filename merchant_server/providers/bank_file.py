"""Fetches the sandbox bank's settlement file of a day. It reads nothing in it; services hold it against the books."""

import requests

from merchant_server.ports import ProviderUnavailable

FILE_BYTES_MAX = 64 * 1024 * 1024


class HttpBankFiles:
    """The bank's files over HTTP, for an operator's command."""

    def __init__(self, *, base_url: str, api_key: str, timeout_seconds: float = 30.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"authorization": f"Bearer {api_key}", "accept-encoding": "identity"})

    def fetch(self, day: str) -> bytes:
        """Return the bytes of a day's file. Raises ProviderUnavailable."""
        raw = bytearray()
        try:
            with self._session.get(
                f"{self._base_url}/bank/v1/settlement-files/{day}",
                timeout=(1.0, self._timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code != 200:
                    raise ProviderUnavailable("bank", f"HTTP {response.status_code}")
                for piece in response.iter_content(65_536):
                    raw += piece
                    if len(raw) > FILE_BYTES_MAX:
                        raise ProviderUnavailable("bank", "the file is too long")
        except requests.RequestException as error:
            raise ProviderUnavailable("bank", f"the exchange failed ({type(error).__name__})") from None
        return bytes(raw)
