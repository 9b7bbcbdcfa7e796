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
    "checkout.expired", "checkout.cancelled", "checkout.voided", "checkout.authorization_expiring", "checkout.reduced",
    "loan.created",
    "loan.cancelled", "loan.overdue", "loan.repaid", "loan.refunded",
    "loan.written_off", "loan.recovered", "loan.schedule_changed", "penalty.charged",
    "installment.paid", "installment.partly_paid",
    "repayment.reversed", "deduction.failed", "mandate.revoked",
    "refund.pending", "refund.succeeded", "refund.failed",
    "webhook_endpoint.ping", "webhook_endpoint.disabled",
    "payout.created", "payout.paid", "payout.failed",
    "dispute.opened", "dispute.updated", "dispute.closed", "loan.collection_paused", "loan.collection_resumed",
)  # fmt: skip
PAYMENT_ORDER_STATUSES = ("requested", "pending", "paid", "expired")
PAYOUT_STATUSES = ("pending", "paid", "failed")
REFUND_STATUSES = ("pending", "succeeded", "failed")
REFUND_STRATEGIES = ("last_first", "next_first", "equal", "shorter", "recompute", "full_settlement")
DELIVERY_STATUSES = ("pending", "delivered", "dead")
ENDPOINT_STATUSES = ("active", "disabled")
PLACE_STATUSES = ("open", "closed")
KEY_KINDS = ("secret", "publishable", "till")
KEY_STATUSES = ("active", "expiring", "expired", "revoked")
SCOPES = ("create", "capture", "refund", "read", "settings")
SIGNATURES = ("v1", "v1a")
# Versions of the API, oldest first; a caller names one in Fenqi-Version.
VERSIONS = ("2026-11-01", "2026-11-22")
DISPUTE_STATUSES = ("open", "evidence_submitted", "challenged", "won", "lost", "accepted", "withdrawn")
DISPUTE_REASONS = (
    "not_received", "not_as_described", "damaged", "returned", "wrong_amount", "not_mine", "other",
)  # fmt: skip
MODES = ("test", "live")
