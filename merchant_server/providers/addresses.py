"""Which addresses a webhook may go to. It resolves names and judges addresses; it connects to nothing.

The rules follow the table of stripe/smokescreen (MIT): public unicast only, and no address that
embeds another one.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Never, not even on a sandbox installation: cloud metadata, link-local, CGNAT (which hides a metadata
# service), unspecified, multicast, reserved, documentation, and addresses that carry another one inside.
_NEVER = _networks(
    "0.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fd00:ec2::/32",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_REMEMBERED_MAX = 4_096
_PRIVATE = _networks("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")


class AddressRefused(Exception):
    """A webhook may not go there.

    Attributes: code (url_refused, dns_failed, dns_timeout, address_refused).
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed webhook URL: what to connect to, and what to ask for."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Return the Host header: the port only when it is not the scheme's own."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


@lru_cache(maxsize=1024)
def parse_target(url: str, *, allow_private: bool) -> Target:
    """Read a webhook URL: https, or http on sandbox installations; no user name. Raises AddressRefused."""
    if not url.isprintable() or " " in url or "\\" in url or len(url) > 2048:
        raise AddressRefused("url_refused", "the URL has a space, a control character or is too long")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    except ValueError:
        raise AddressRefused("url_refused", "the URL cannot be read") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise AddressRefused("url_refused", "the URL must begin with https://")
    if (
        not ascii_host
        or "%" in ascii_host
        or parts.username is not None
        or parts.password is not None
        or port == 0
    ):
        raise AddressRefused("url_refused", "the URL needs a host, and may hold no user name")
    tls = parts.scheme == "https"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    if parts.query:
        path += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=-._~[]")
    return Target(tls=tls, host=ascii_host, port=port or (443 if tls else 80), path=path)


def may_connect(address: str, *, allow_private: bool) -> bool:
    """Say whether a webhook may go to this IP address; `allow_private` adds loopback and private ranges."""
    try:
        ip: IPAddress = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip in network for network in _NEVER):
        return False
    if any(ip in network for network in _PRIVATE):
        return allow_private
    return ip.is_global


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return every address of a host by the system's resolver, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class AddressBook:
    """What names resolve to, asked once, judged, and remembered for a few seconds. Thread-safe.

    Only judged addresses are remembered, and only they are connected to: there is no second question whose answer
    could be another.
    """

    def __init__(
        self, *, allow_private: bool, resolve: Resolver, timeout_seconds: float, remembered_seconds: float
    ) -> None:
        self._allow_private, self._resolve = allow_private, resolve
        self._timeout_seconds, self._remembered_seconds = timeout_seconds, remembered_seconds
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}

    def addresses(self, target: Target) -> Sequence[str]:
        """Return the addresses of a host, if every one may be connected to. Raises AddressRefused."""
        with self._lock:
            until, known = self._known.get((target.host, target.port), (0.0, ()))
        if time.monotonic() < until:
            return known
        addresses = [target.host] if _is_address(target.host) else self._asked(target)
        if not all(may_connect(address, allow_private=self._allow_private) for address in addresses):
            raise AddressRefused("address_refused", "the host has an address that webhooks may not go to")
        with self._lock:
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            self._known[target.host, target.port] = (time.monotonic() + self._remembered_seconds, addresses)
        return addresses

    def _asked(self, target: Target) -> Sequence[str]:
        return _resolved(target, self._resolve, self._timeout_seconds)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolved(target: Target, resolve: Resolver, timeout_seconds: float) -> Sequence[str]:
    """Resolve in a thread of its own: getaddrinfo has no time-out, and a name server may keep silent."""
    found: list[Sequence[str]] = []

    def work() -> None:
        try:
            found.append(resolve(target.host, target.port))
        except (OSError, UnicodeError):
            found.append(())

    thread = threading.Thread(target=work, name="webhook-resolve", daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if not found:
        raise AddressRefused("dns_timeout", "the host's name was not resolved in time")
    if not found[0]:
        raise AddressRefused("dns_failed", "the host's name has no address")
    return found[0]
