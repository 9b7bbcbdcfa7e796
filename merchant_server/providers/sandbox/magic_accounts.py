"""The sandbox bank's magic accounts: what each does with deductions, what it tells afterwards, and how it answers.

An account is data: the outcomes of its deductions in order (the last one stays), the callbacks that are sent, and
how the bank answers the request itself.
"""

from dataclasses import dataclass

EVERYDAY = "everyday"
PAYS = ("succeeded", "")
NO_MONEY = ("failed", "insufficient_funds")
BUSY = ("failed", "bank_busy")
LIMIT = ("failed", "daily_limit")


@dataclass(frozen=True, slots=True)
class Telling:
    """One callback. `status` is outcome (whatever it was) or one that is told regardless.

    delay: soon | late | reversal | never. wrong: the field that does not agree with the deduction; such a one comes
    before the right one. event: callbacks with the same mark share an event id. signature: genuine | forged | missing.
    """

    status: str = "outcome"
    copies: int = 1
    delay: str = "soon"
    wrong: str = ""
    event: str = ""
    signature: str = "genuine"
    age_seconds: int = 0


ONCE = (Telling(),)


@dataclass(frozen=True, slots=True)
class MagicAccount:
    """One bank account; `group` tells which people have it.

    answer: ok | slow_once | down_once | lost_once (it acts and the answer is lost) | garbage_once | refused_once.
    returns: what becomes of money sent back to it; `returns_late` says that it is pending for a while.
    """

    last_four: str
    behaviour: str
    meaning: str
    meaning_zh: str
    group: str = EVERYDAY
    outcomes: tuple[tuple[str, str], ...] = (PAYS,)
    tells: tuple[Telling, ...] = ONCE
    answer: str = "ok"
    returns: tuple[str, str] = PAYS
    returns_late: bool = False

    @property
    def label(self) -> str:
        """Return the masked text that a person picks the account by."""
        return f"沙盒银行 Sandbox Bank ·· {self.last_four}（{self.meaning_zh} · {self.meaning}）"

    @property
    def reverses(self) -> bool:
        """Say whether the bank takes a success back."""
        return any(each.status == "reversed" for each in self.tells)

    def outcome(self, deductions_before: int) -> tuple[str, str]:
        """Return (status, code) of the next deduction of a mandate that has had `deductions_before` of them."""
        return self.outcomes[min(deductions_before, len(self.outcomes) - 1)]


def _fails(
    last_four: str, behaviour: str, meaning: str, meaning_zh: str, *outcomes: tuple[str, str]
) -> MagicAccount:
    return MagicAccount(last_four, behaviour, meaning, meaning_zh, "failures", outcomes)


def _tells(last_four: str, behaviour: str, meaning: str, meaning_zh: str, *tells: Telling) -> MagicAccount:
    return MagicAccount(last_four, behaviour, meaning, meaning_zh, "callbacks", (PAYS,), tells)


def _wrong(last_four: str, field: str, meaning: str, meaning_zh: str) -> MagicAccount:
    first = Telling(wrong=field, event="wrong")
    return MagicAccount(
        last_four, f"wrong_{field}", meaning, meaning_zh, "wrong", (PAYS,), (first, Telling())
    )


def _answers(last_four: str, how: str, meaning: str, meaning_zh: str) -> MagicAccount:
    return MagicAccount(last_four, f"answer_{how}", meaning, meaning_zh, "answers", answer=how)


ACCOUNTS: tuple[MagicAccount, ...] = (
    MagicAccount("0001", "pays", "pays", "正常扣款"),
    MagicAccount(
        "0002", "insufficient_twice", "insufficient funds twice, then pays", "余额不足两次后成功",
        outcomes=(NO_MONEY, NO_MONEY, PAYS),
    ),
    MagicAccount("0003", "callback_late", "pays, callback late", "成功但回调迟到", tells=(Telling(delay="late"),)),
    MagicAccount("0004", "callback_thrice", "pays, callback three times", "成功且回调三次", tells=(Telling(copies=3),)),
    MagicAccount(
        "0005", "closed", "account closed after signing", "签约后销户", outcomes=(("failed", "account_closed"),),
        returns=("failed", "account_closed"),
    ),
    MagicAccount(
        "0006", "reversed", "pays, then reversed", "成功后冲正",
        tells=(Telling(), Telling("reversed", delay="reversal")),
    ),
    _fails("0007", "insufficient_once", "insufficient funds once, then pays", "余额不足一次后成功", NO_MONEY, PAYS),
    _fails("0008", "insufficient_five_times", "insufficient funds five times, then pays", "余额不足五次后成功",
           *[NO_MONEY] * 5, PAYS),
    _fails("0009", "insufficient_always", "insufficient funds for ever", "余额一直不足", NO_MONEY),
    _fails("0010", "busy_once", "bank busy once, then pays", "银行繁忙一次后成功", BUSY, PAYS),
    _fails("0011", "limit_once", "daily limit once, then pays", "超日限额一次后成功", LIMIT, PAYS),
    _fails("0012", "busy_always", "bank busy for ever", "银行一直繁忙", BUSY),
    _fails("0013", "frozen", "account frozen", "账户冻结", ("failed", "account_frozen")),
    _fails("0014", "over_bank_limit", "above the bank's limit for one payment", "超银行单笔限额",
           ("failed", "amount_over_limit")),
    _fails("0015", "closed_after_one", "pays once, then closed", "成功一次后销户", PAYS, ("failed", "account_closed")),
    _fails("0017", "mixed", "busy, no money, limit, then pays", "繁忙、余额不足、超限后成功",
           BUSY, NO_MONEY, LIMIT, PAYS),
    _tells("0016", "callback_never", "pays, never calls back", "成功但从不回调", Telling(delay="never")),
    _tells("0018", "callback_twice", "pays, callback twice", "成功且回调两次", Telling(copies=2)),
    _tells("0019", "callback_ten_times", "pays, callback ten times", "成功且回调十次", Telling(copies=10)),
    _tells("0020", "two_events", "pays, told under two event ids", "同一结果两个事件号",
           Telling(), Telling(event="again")),
    _tells("0021", "reversed_first", "pays, reversal told before the success", "冲正先于成功到达",
           Telling("reversed"), Telling(delay="late")),
    _tells("0022", "failure_then_success", "told as failed, then as paid", "先报失败后报成功",
           Telling("failed"), Telling(delay="reversal")),
    _tells("0023", "success_then_failure", "told as paid, then as failed", "先报成功后报失败",
           Telling(), Telling("failed", delay="reversal")),
    _tells("0024", "reversed_unannounced", "pays and is reversed, only the reversal is told", "只通知冲正",
           Telling("reversed", delay="reversal")),
    _tells("0025", "forged_first", "a forged callback, then the genuine one", "先伪造回调后真实回调",
           Telling(event="forged", signature="forged"), Telling()),
    _tells("0026", "unsigned_first", "a callback without signature, then the genuine one", "先无签名回调后真实回调",
           Telling(event="unsigned", signature="missing"), Telling()),
    _tells("0027", "stale_first", "a callback ten minutes old, then a fresh one", "先过期回调后正常回调",
           Telling(event="stale", age_seconds=600), Telling()),
    _tells("0028", "early_first", "a callback from the future, then a right one", "先未来时间回调后正常回调",
           Telling(event="early", age_seconds=-600), Telling()),
    _wrong("0031", "amount", "callback with another amount, then the right one", "先金额错误回调"),
    _wrong("0032", "currency", "callback in another currency, then the right one", "先币种错误回调"),
    _wrong("0033", "mandate_reference", "callback for another mandate, then the right one", "先协议错误回调"),
    _wrong("0034", "reference", "callback for an unknown deduction, then the right one", "先单号错误回调"),
    _wrong("0035", "gateway_account", "callback of another gateway account, then the right one", "先商户号错误回调"),
    _wrong("0036", "mode", "callback of live mode, then the right one", "先环境错误回调"),
    _wrong("0037", "kind", "callback of an unknown kind, then the right one", "先类型未知回调"),
    _wrong("0038", "body", "signed bytes that are no JSON, then the right one", "先乱码回调"),
    _answers("0041", "slow_once", "the first request is answered too late", "首次请求应答超时"),
    _answers("0042", "down_once", "the first request is refused with 503", "首次请求返回503"),
    _answers("0043", "lost_once", "the first request acts, its answer is lost", "首次请求已受理但应答丢失"),
    _answers("0044", "garbage_once", "the first request is answered with broken JSON", "首次请求应答为乱码"),
    _answers("0045", "refused_once", "the first request is refused, later ones pay", "首次请求被拒后成功"),
    MagicAccount("0051", "returns_late", "pays; money sent back arrives late", "正常扣款，退回的钱迟到",
                 "answers", returns_late=True),
    MagicAccount("0052", "returns_busy", "pays; the bank is busy for money sent back", "正常扣款，退回时银行繁忙",
                 "answers", returns=BUSY),
    MagicAccount("0053", "returns_refused", "pays; takes no money back", "正常扣款，不接收退款",
                 "answers", returns=("failed", "account_frozen")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MagicPayoutAccount:
    """One account that a merchant can be paid to.

    answer: as of MagicAccount. `polls` is how often it is pending when asked before its outcome is told.
    """

    account: str
    behaviour: str
    meaning: str
    meaning_zh: str
    outcome: tuple[str, str] = ("paid", "")
    answer: str = "ok"
    polls: int = 0


PAYOUT_ACCOUNTS: tuple[MagicPayoutAccount, ...] = (
    MagicPayoutAccount("sandbox_9001", "pays", "is paid at once", "立即到账"),
    MagicPayoutAccount(
        "sandbox_9002", "late", "is pending three times, then paid", "三次查询后到账", polls=3
    ),
    MagicPayoutAccount(
        "sandbox_9003", "closed", "account closed", "账户已销户", ("failed", "account_closed")
    ),
    MagicPayoutAccount(
        "sandbox_9004", "mismatch", "name does not match", "户名不符", ("failed", "name_mismatch"), polls=1
    ),
    MagicPayoutAccount("sandbox_9005", "busy", "bank busy", "银行繁忙", ("failed", "bank_busy")),
    MagicPayoutAccount(
        "sandbox_9006", "lost", "is paid, the answer is lost", "已付款但应答丢失", answer="lost_once"
    ),
    MagicPayoutAccount(
        "sandbox_9007", "down", "refused with 503 once, then paid", "首次503后到账", answer="down_once"
    ),
    MagicPayoutAccount(
        "sandbox_9008", "garbage", "is paid, answered with broken JSON", "应答乱码", answer="garbage_once"
    ),
)
