"""The network that an address counts for: what fraud rules and the limits of codes count instead of an address."""

import ipaddress

# An IPv4 /24 is a block of a carrier's or a company's. For IPv6 a single customer is given a /56 or a /48 and may
# take a new /64 for each request (RFC 6177, RFC 8981), so that a count by /64 would bound nobody; a /48 is the
# longest prefix that no customer can step out of.
IPV4_PREFIX, IPV6_PREFIX = 24, 48


def address_prefix(address: str | None) -> str:
    """Return the network of a public IP address, which is what is counted; empty for any other text.

    An address that is not global is a proxy of ours, this machine's or a test's: everybody would share it.
    """
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if not parsed.is_global:
        return ""
    length = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network((parsed, length), strict=False))
