"""The way back to the shop's own page, plain or with the nearest yes that the person wants to ask the shop for."""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from merchant_server.domain.decision import CounterOffer


@dataclass(frozen=True, slots=True)
class WayBack:
    """The shop's own page, and the host that a visitor is sent to."""

    url: str
    host: str


def way_back(return_url: str | None) -> WayBack | None:
    """Return the link to the shop, or None when it gave none that a browser may follow."""
    try:
        parts = urlsplit(return_url or "")
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return None
    if return_url is None or parts.scheme not in ("https", "http") or not host:
        return None
    return WayBack(return_url, host)


def with_wish(back: WayBack, offer: CounterOffer) -> str:
    """Return the link that asks the shop for a counter-offer: what it is, in the shop's own terms, and nothing else.

    It is a wish and no promise: the shop makes a new checkout from its own cart, which is decided anew.
    """
    wish = {
        "fenqi_counter_offer": offer.kind,
        "fenqi_amount_minor": offer.amount_minor,
        "fenqi_down_payment_minor": offer.down_payment_minor,
        "fenqi_plan_id": offer.plan_id,
    }
    parts = urlsplit(back.url)
    query = "&".join(filter(None, (parts.query, urlencode(wish))))
    return parts._replace(query=query).geturl()
