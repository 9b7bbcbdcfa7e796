"""What a person's page says about disputes, refunds and changed schedules. Words only."""

from flask_babel import lazy_gettext as _l

from merchant_server.domain.dispute import DisputeReason, DisputeStatus
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.web.error_words import Words

REASON_WORDS = {
    DisputeReason.NOT_RECEIVED: _l("It never came"),
    DisputeReason.NOT_AS_DESCRIBED: _l("It is not what was described"),
    DisputeReason.DAMAGED: _l("It came damaged"),
    DisputeReason.RETURNED: _l("I sent it back and got no refund"),
    DisputeReason.WRONG_AMOUNT: _l("The amount is wrong"),
    DisputeReason.NOT_MINE: _l("I did not buy this"),
    DisputeReason.OTHER: _l("Something else"),
}
# What became of it, and what happens next.
STATUS_WORDS = {
    DisputeStatus.OPEN: (
        _l("The shop is asked"),
        _l(
            "It has until %(day)s to answer. If it does not, the money is refunded. Nothing is deducted meanwhile."
        ),
    ),
    DisputeStatus.EVIDENCE_SUBMITTED: (
        _l("The shop has sent evidence"),
        _l("It may add to it until %(day)s; then a person of ours decides. Nothing is deducted meanwhile."),
    ),
    DisputeStatus.CHALLENGED: (
        _l("A person decides"),
        _l("The shop disagrees with you. Somebody of ours reads both sides. Nothing is deducted meanwhile."),
    ),
    DisputeStatus.WON: (
        _l("Decided for the shop"),
        _l(
            "Nothing is refunded, and deductions go on. If you think that this is wrong, write us a complaint."
        ),
    ),
    DisputeStatus.LOST: (_l("Decided for you"), _l("What you disputed was refunded; see above.")),
    DisputeStatus.ACCEPTED: (
        _l("The shop agreed with you"),
        _l("What you disputed was refunded; see above."),
    ),
    DisputeStatus.WITHDRAWN: (
        _l("You took it back"),
        _l("Nothing is refunded, and deductions go on. You may dispute the purchase again."),
    ),
}
CHANGE_WORDS = {
    ChangeKind.REFUND: _l("Goods were taken back"),
    ChangeKind.VOID: _l("A part was not delivered"),
    ChangeKind.EARLY_SETTLEMENT: _l("Paid off early"),
    ChangeKind.PREPAYMENT: _l("Paid ahead"),
    ChangeKind.PENALTY: _l("A penalty was added"),
    ChangeKind.WAIVER: _l("A part was waived"),
    ChangeKind.EXTENSION: _l("Due dates were moved"),
    ChangeKind.HARDSHIP: _l("A plan for hard times"),
    ChangeKind.WRITE_OFF: _l("Written off"),
    ChangeKind.REVERSAL: _l("Taken back by the bank"),
    ChangeKind.DEDUCTION_DAY: _l("The day of deduction was moved"),
}
PROBLEM_WORDS = {
    "statement_empty": Words(_l("The text is empty."), _l("Say in a few words what went wrong.")),
    "statement_too_long": Words(
        _l("The text is too long."), _l("Shorten it to %(characters_max)s characters.")
    ),
    "statement_unreadable": Words(
        _l("The text holds invisible characters."), _l("Type it anew, without pasting.")
    ),
    "reason_unknown": Words(_l("No reason is chosen."), _l("Choose what comes nearest.")),
    "dispute_amount_invalid": Words(
        _l("This amount cannot be disputed."),
        _l("Enter an amount in digits, at most what you bought and was not refunded, or leave it empty."),
    ),
    "dispute_open": Words(
        _l("This purchase is disputed already."), _l("You see on the loan's page how it stands.")
    ),
    "dispute_decided": Words(
        _l("A dispute of this purchase was decided already."),
        _l("If you think that this is wrong, write us a complaint."),
    ),
    "no_dispute": Words(
        _l("No dispute of this purchase is open."), _l("You see on the loan's page how it stands.")
    ),
    "nothing_to_dispute": Words(
        _l("Nothing of this purchase is left to dispute."),
        _l("It was not delivered yet, or everything was refunded."),
    ),
}
