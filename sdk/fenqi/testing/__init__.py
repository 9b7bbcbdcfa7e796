"""What a merchant tests against without network, account or waiting. Never part of a running shop.

server = FakeServer()
client = server.client()
checkout = client.checkouts.create(amount=Money(399900, "CNY"), reference="order-1001")
server.advance(checkout.id, to="authorized")      # plays the consumer
body, headers = server.signed_event("checkout.captured")
"""

from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_sales import TransitionNotAllowed
from fenqi.testing.fake_server import FakeServer
from fenqi.testing.signing import key_pair, sign

__all__ = ["FakeServer", "ManualClock", "TransitionNotAllowed", "key_pair", "sign"]
