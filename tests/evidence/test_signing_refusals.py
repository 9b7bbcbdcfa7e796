"""What must not be signed: no timestamp, a clock that jumps, a document that was not read. Nothing is half-signed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fenqi.evidence.verify import verify_bundle
from pyhanko.sign.timestamps import HTTPTimeStamper

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import RuleRefused, Unavailable
from merchant_server.providers.agreement import Authority, PadesSigner
from merchant_server.services.operation.upkeep import cancel_orphan_mandates
from merchant_server.services.sale import signing
from merchant_server.services.sale.evidence import evidence_bundle
from tests.evidence.conftest import agreement_id_of
from tests.installation import Installation

CLAIM = "phone-1"


def ready(house: Installation) -> Checkout:
    checkout = house.checkout()
    house.apply(checkout)
    house.choose(checkout)
    return checkout


def nothing_is_signed(house: Installation, checkout: Checkout) -> bool:
    signed = house.rows("SELECT 1 AS x FROM agreements WHERE status = 'signed'")
    told = house.rows("SELECT 1 AS x FROM audit WHERE action = 'agreement.signed'")
    loans = house.rows("SELECT 1 AS x FROM loans")
    return not (signed or told or loans) and house.now(checkout).status == CheckoutStatus.SIGNING


def test_without_a_timestamp_nothing_is_signed_and_later_everything_is(
    installation: Installation, authority_folder: object
) -> None:
    house, working = installation, installation.deps
    checkout = ready(house)
    signing.send_signing_code(house.deps, checkout.token, CLAIM)
    authority = Authority.open(str(authority_folder))
    nobody = HTTPTimeStamper("http://127.0.0.1:9/tsa", timeout=2)
    house.deps = replace(working, signer=PadesSigner(authority, timestamper=nobody))
    with pytest.raises(Unavailable) as refused:
        signing.sign(house.deps, checkout.token, CLAIM, house.last_code())
    assert refused.value.code == "timestamp_unavailable"
    assert nothing_is_signed(house, checkout)
    house.deps = working
    assert house.sign(checkout).status == CheckoutStatus.CAPTURED
    bundle = evidence_bundle(house.deps, agreement_id_of(house, checkout.id))
    assert verify_bundle(bundle, authority.root_pem).verified


def test_a_clock_before_the_authoritys_root_signs_nothing(installation: Installation) -> None:
    house = installation

    class Early:
        def sign(self, pdf: bytes, *, signed_at: datetime, **named: Any) -> bytes:
            early = datetime(2020, 1, 1, tzinfo=signed_at.tzinfo)
            return working.sign(pdf, signed_at=early, **named)

        def stamp(self, pdf: bytes, *, at: datetime) -> bytes:
            return working.stamp(pdf, at=at)

    working = house.deps.signer
    checkout = ready(house)
    signing.send_signing_code(house.deps, checkout.token, CLAIM)
    house.deps = replace(house.deps, signer=Early())
    with pytest.raises(Unavailable) as refused:
        signing.sign(house.deps, checkout.token, CLAIM, house.last_code())
    assert refused.value.code == "signing_unavailable"
    assert nothing_is_signed(house, checkout)


def test_a_clock_that_jumps_back_after_the_code_signs_nothing(installation: Installation) -> None:
    house = installation
    checkout = ready(house)
    house.clock.pass_(seconds=60)
    signing.send_signing_code(house.deps, checkout.token, CLAIM)
    house.clock.pass_(seconds=-30)
    with pytest.raises(Unavailable) as refused:
        signing.sign(house.deps, checkout.token, CLAIM, house.last_code())
    assert refused.value.code == "clock_unsteady"
    assert nothing_is_signed(house, checkout)
    house.clock.pass_(seconds=31)
    assert (
        signing.sign(house.deps, checkout.token, CLAIM, house.last_code()).status == CheckoutStatus.CAPTURED
    )


def test_a_clock_that_jumps_back_before_the_reading_asks_to_read_again(installation: Installation) -> None:
    house = installation
    checkout = ready(house)
    house.clock.pass_(seconds=-timedelta(hours=1).total_seconds())
    with pytest.raises(RuleRefused) as refused:
        signing.send_signing_code(house.deps, checkout.token, CLAIM)
    assert refused.value.code == "reading_time"
    house.clock.pass_(hours=1)
    assert nothing_is_signed(house, checkout)


def test_a_clock_that_jumps_on_ends_the_code(installation: Installation) -> None:
    house = installation
    checkout = ready(house)
    signing.send_signing_code(house.deps, checkout.token, CLAIM)
    house.clock.pass_(minutes=10)
    with pytest.raises(RuleRefused) as refused:
        signing.sign(house.deps, checkout.token, CLAIM, house.last_code())
    assert refused.value.code in ("code_expired", "checkout_expired")
    assert nothing_is_signed(house, checkout)


def test_a_borrowed_code_of_another_agreement_signs_nothing(installation: Installation) -> None:
    house = installation
    checkout = ready(house)
    signing.send_signing_code(house.deps, checkout.token, CLAIM)
    digits = house.last_code()
    house.choose(checkout, plan="p6")
    with pytest.raises(RuleRefused) as refused:
        signing.sign(house.deps, checkout.token, CLAIM, digits)
    assert refused.value.code == "code_missing"
    assert nothing_is_signed(house, checkout)
    cancel_orphan_mandates(house.deps)
