"""The steps of a worker's turn: what becomes of one that fails. Knows none of them."""

import logging
from collections.abc import Callable

from merchant_server.domain.errors import TransitionConflict

log = logging.getLogger(__name__)


def tried(step: Callable[[], int]) -> int:
    """Run one step of the loop, which must outlive any one row: what is due stays due and is tried again.

    Where another worker or a request was first, there is nothing to mend: the next turn sees what is left.
    """
    try:
        return step()
    except TransitionConflict as lost:
        log.info("a worker step was overtaken: %s", lost.code, exc_info=lost)
        return 0
    except Exception:
        log.exception("a worker step failed")
        return 0
