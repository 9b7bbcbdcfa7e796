"""The words that JSON bodies carry. Clients must accept a word they do not know: the server may be newer."""

LANGUAGES = ("zh-CN", "en")
CAPTURES = ("automatic", "manual")
CHECKOUT_STATUSES = (
    "created", "opened", "deciding", "offered", "declined", "referred", "signing",
    "authorized", "captured", "closed", "expired", "cancelled", "voided",
)  # fmt: skip
EVENT_TYPES = (
    "checkout.created", "checkout.opened", "checkout.deciding", "checkout.offered", "checkout.declined",
    "checkout.referred", "checkout.signing", "checkout.authorized", "checkout.captured", "checkout.closed",
    "checkout.expired", "checkout.cancelled", "checkout.voided", "checkout.authorization_expiring", "loan.created",
    "loan.cancelled", "loan.overdue", "loan.repaid", "loan.refunded",
    "loan.written_off", "loan.recovered", "loan.schedule_changed", "penalty.charged",
    "installment.paid", "installment.partly_paid",
    "repayment.reversed", "deduction.failed", "mandate.revoked",
    "refund.pending", "refund.succeeded", "refund.failed",
    "payout.created", "payout.paid", "payout.failed",
)  # fmt: skip
PAYOUT_STATUSES = ("pending", "paid", "failed")
REFUND_STATUSES = ("pending", "succeeded", "failed")
REFUND_STRATEGIES = ("last_first", "next_first", "equal", "shorter", "recompute", "full_settlement")
MODES = ("test", "live")
