"""The worker's loop: everything that is due, again and again; a step that fails is logged and tried next time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from merchant_server.services.collection.deductions import age, ask_bank, request_due
from merchant_server.services.collection.noticing import send_notices, write_notices
from merchant_server.services.collection.ordering import ask_about_orders
from merchant_server.services.collection.penalties import charge_penalties
from merchant_server.services.decisioning.watching import forget_velocity
from merchant_server.services.deps import Deps
from merchant_server.services.disputes.closing import close_unanswered
from merchant_server.services.operation.audit import tend_log
from merchant_server.services.operation.delivery import Courier
from merchant_server.services.operation.idempotency import forget_answers
from merchant_server.services.operation.keeping import check_up, forget_deliveries
from merchant_server.services.operation.steps import tried
from merchant_server.services.operation.turning import turn_clocks
from merchant_server.services.operation.upkeep import (
    cancel_orphan_mandates,
    expire_checkouts,
    reopen_stuck_decisions,
)
from merchant_server.services.person.erasure import erase_due, forget_old
from merchant_server.services.person.mandates import end_revoked_mandates
from merchant_server.services.refunds.returning import return_money
from merchant_server.services.sale.capturing import void_lapsed, warn_of_expiry
from merchant_server.services.sale.stamping import stamp_pending
from merchant_server.services.settlement.closing import close_days
from merchant_server.services.settlement.payouts import ask_about_payouts, pay_out_due
from merchant_server.services.settlement.transfers import ask_about_transfers

IDLE_SECONDS = 0.25
PUSH_THREADS = 16


def collect(deps: Deps, run: Callable[[Callable[[], int]], int]) -> int:
    """Tell of what comes, request what is due of the merchants whose day has come, and call late what is late."""
    with deps.storage.reading() as uow:
        telling = uow.days.telling(deps.clock.now(), deps.notice_days) if deps.notice_days else []
        days = uow.days.collecting(deps.clock.now())
    done = 0
    for day in telling:
        done += run(partial(write_notices, deps, day.merchant.id))
    for day in days:
        done += run(partial(request_due, deps, day.merchant.id))
        done += run(partial(age, deps, day.merchant))
        done += run(partial(charge_penalties, deps, day.merchant))
    return done + run(partial(send_notices, deps)) + run(partial(ask_bank, deps))


def work_once(deps: Deps, deliver: Callable[[], int], run: Callable[[Callable[[], int]], int] = tried) -> int:
    """Do everything that is due now; return how much was done. `run` decides what becomes of a failure."""
    steps: tuple[Callable[[], int], ...] = (
        deliver,
        lambda: collect(deps, run),
        lambda: close_unanswered(deps),
        lambda: close_days(deps),
        lambda: ask_about_orders(deps),
        lambda: pay_out_due(deps),
        lambda: ask_about_payouts(deps),
        lambda: ask_about_transfers(deps),
        lambda: turn_clocks(deps),
        lambda: return_money(deps),
        lambda: expire_checkouts(deps),
        lambda: warn_of_expiry(deps),
        lambda: void_lapsed(deps),
        lambda: reopen_stuck_decisions(deps),
        lambda: cancel_orphan_mandates(deps),
        lambda: end_revoked_mandates(deps),
        lambda: stamp_pending(deps),
        lambda: erase_due(deps),
        lambda: forget_old(deps),
        lambda: tend_log(deps),
        lambda: forget_velocity(deps),
        lambda: forget_answers(deps),
        lambda: forget_deliveries(deps),
        lambda: check_up(deps),
    )
    return sum(run(step) for step in steps)


def work(deps: Deps, stop: threading.Event) -> None:
    """Work until told to stop; what was begun is finished first."""
    with ThreadPoolExecutor(PUSH_THREADS, thread_name_prefix="push") as pool:
        courier = Courier(deps, pool)
        while not stop.is_set():
            if not work_once(deps, courier.push_due):
                stop.wait(IDLE_SECONDS)
        tried(courier.finish)
