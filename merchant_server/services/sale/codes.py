"""One-time codes by SMS: committed before they are sent, tried at most five times, used once."""

import phonenumbers

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.code import DIGITS, Code, issue
from merchant_server.domain.consumer import Applicant
from merchant_server.domain.errors import RuleRefused, Unavailable
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.sale.claims import held_checkout
from merchant_server.services.sale.code_limits import spend_code

TEXTS = {
    ("phone", "zh-CN"): "【{shop}】验证码 {digits}，10 分钟内有效。请勿告诉他人。",
    ("phone", "en"): "[{shop}] Your code is {digits}, good for 10 minutes. Tell nobody.",
    ("sign", "zh-CN"): "【{shop}】您正在签署 {amount} 的分期合同，签署码 {digits}。请勿告诉他人。",
    (
        "sign",
        "en",
    ): "[{shop}] You are signing an installment agreement for {amount}. Code: {digits}. Tell nobody.",
}


def parse_phone(text: str, region: str = "CN") -> str:
    """Return a mobile number as E.164, or raise RuleRefused (phone_invalid)."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if (
        number is None
        or not phonenumbers.is_valid_number(number)
        or phonenumbers.number_type(number) not in mobile
    ):
        raise RuleRefused(
            "this is not a mobile number",
            code="phone_invalid",
            field="phone",
            hint="for example 138 0013 8000",
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def send_phone_code(
    deps: Deps,
    token: str,
    claim: str,
    phone_text: str,
    language: str | None = None,
    *,
    address: str | None = None,
) -> None:
    """Send a code, in the reader's language, to a typed number. Raises RuleRefused, Expired, Unavailable.

    `address` is where the request came from; its network is counted as a keyed hash.
    """
    phone = parse_phone(phone_text)
    with deps.storage.unit_of_work() as uow:
        checkout = _on_the_way(uow, deps, token, claim, (CheckoutStatus.OPENED,))
        uow.applicants.put(Applicant(checkout.id, phone), checkout.merchant_id)
        index = uow.applicants.phone_index(phone)
        message = prepare_code(
            uow, deps, checkout, "phone", phone, bound_to=index, language=language, address=address
        )
    send(deps, phone, *message)


def check_phone_code(deps: Deps, token: str, claim: str, digits: str) -> None:
    """Verify the number by its code. Raises RuleRefused (code_wrong and its kin)."""
    with deps.storage.unit_of_work() as uow:
        checkout = _on_the_way(uow, deps, token, claim, (CheckoutStatus.OPENED,))
        applicant = uow.applicants.get(checkout.id)
        if applicant is None:
            raise RuleRefused("no code was sent yet", code="code_missing", hint="enter your number first")
        index = uow.applicants.phone_index(applicant.phone)
        right = try_code(uow, deps, checkout, "phone", index, digits)
        if right:
            verified = Applicant(checkout.id, applicant.phone, phone_verified_at=deps.clock.now())
            uow.applicants.put(verified, checkout.merchant_id)
    if not right:
        raise wrong_code()


def prepare_code(
    uow: UnitOfWork,
    deps: Deps,
    checkout: Checkout,
    purpose: str,
    phone: str,
    *,
    bound_to: str,
    language: str | None = None,
    address: str | None = None,
) -> tuple[str, str]:
    """Store a new code within the limits; return its reference and the text to send after the commit."""
    phone_index = uow.applicants.phone_index(phone)
    spend_code(uow, deps, purpose, phone_index, consumer_id=checkout.consumer_id, address=address)
    code, digits = new_code(deps, purpose, checkout.id, bound_to=bound_to, phone_index=phone_index)
    uow.codes.add(code)
    shop = merchant_of(uow, checkout.merchant_id).name
    text = TEXTS[purpose, language or checkout.language].format(
        shop=shop, digits=digits, amount=str(checkout.amount)
    )
    return code.id, text


def new_code(
    deps: Deps, purpose: str, holder_id: str, *, bound_to: str, phone_index: str
) -> tuple[Code, str]:
    """Return a new code and its digits; it belongs to the checkout, visit or pre-approval `holder_id`."""
    digits = deps.ids.digits(DIGITS)
    code = issue(
        code_id=deps.ids.new("otp"),
        purpose=purpose,
        checkout_id=holder_id,
        bound_to=bound_to,
        phone_index=phone_index,
        digits=digits,
        key=deps.code_key,
        now=deps.clock.now(),
    )
    return code, digits


def send(deps: Deps, phone: str, reference: str, text: str) -> None:
    """Hand a text to the SMS provider, outside any transaction."""
    try:
        deps.sms.send(reference=reference, phone=phone, text=text)
    except (ProviderUnavailable, ProviderRefused) as failure:
        raise Unavailable(
            "the text message could not be sent",
            code="sms_unavailable",
            hint="wait a moment, then ask for a new code",
            retry_after_seconds=5,
        ) from failure


def try_code(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, purpose: str, bound_to: str, digits: str
) -> bool:
    """Count one try of the newest code; the caller commits before it tells the consumer."""
    code = uow.codes.latest(checkout.id, purpose)
    if code is None or code.bound_to != bound_to:
        raise RuleRefused("no code was sent for this", code="code_missing", hint="ask for a code first")
    attempt = code.attempt("".join(digits.split()), deps.code_key, deps.clock.now())
    uow.codes.record_try(attempt.code)
    return attempt.right


def wrong_code() -> RuleRefused:
    """Return the refusal of a wrong code."""
    return RuleRefused(
        "the code is wrong", code="code_wrong", field="code", hint="check the newest text message"
    )


def _on_the_way(
    uow: UnitOfWork, deps: Deps, token: str, claim: str, allowed: tuple[CheckoutStatus, ...]
) -> Checkout:
    checkout = held_checkout(uow, deps, token, claim)
    require_step(checkout, deps, allowed)
    return checkout


def require_step(checkout: Checkout, deps: Deps, allowed: tuple[CheckoutStatus, ...]) -> None:
    """Raise Expired, or RuleRefused (step_out_of_order), unless the checkout stands at this step."""
    checkout.refuse_if_over(deps.clock.now())
    if checkout.status not in allowed:
        raise RuleRefused(
            f"this step is over: the payment is {checkout.status}",
            code="step_out_of_order",
            hint="open the page again to go on from here",
            status=str(checkout.status),
        )
