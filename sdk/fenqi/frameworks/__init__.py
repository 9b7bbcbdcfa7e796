"""Webhook receivers for web frameworks, a few lines each: `fenqi.frameworks.flask`, `.django`, `.fastapi`.

A framework is imported only by its own module; none comes with fenqi.
"""

from fenqi.frameworks.receiving import Handler, Received, receive

__all__ = ["Handler", "Received", "receive"]
