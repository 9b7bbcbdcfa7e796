"""What services rely on in an agreement's making, of the real renderer and signer and of those that tests use."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from merchant_server.ports import AgreementRenderer, AgreementSigner
from merchant_server.providers.agreement import Authority, PadesSigner, TypstRenderer
from tests.agreement.conftest import sample_terms
from tests.fakes.documents import PlainRenderer, PlainSigner

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
Maker = tuple[AgreementRenderer, AgreementSigner]


@pytest.fixture(params=["real", "plain"])
def maker(request: pytest.FixtureRequest, authority_folder: Path) -> Maker:
    """A renderer and a signer."""
    real = TypstRenderer(), PadesSigner(Authority.open(str(authority_folder)))
    return real if request.param == "real" else (PlainRenderer(real[0]), PlainSigner())


def signed(maker: Maker, **changes: Any) -> bytes:
    shown = maker[0].render(sample_terms(), language="zh-CN")
    named: dict[str, Any] = {"agreement_id": "agr_1", "signer": "王小明", "signed_at": AT}
    return maker[1].sign(shown, **named | changes)


def test_the_same_terms_give_the_same_document_and_others_another(maker: Maker) -> None:
    renderer, _ = maker
    shown = renderer.render(sample_terms(), language="zh-CN")
    assert shown.startswith(b"%PDF-")
    assert renderer.render(sample_terms(), language="zh-CN") == shown
    assert renderer.render(sample_terms("en"), language="en") != shown
    assert renderer.render({**sample_terms(), "agreement_id": "agr_other"}, language="zh-CN") != shown


def test_a_signature_and_its_stamp_stand_behind_what_was_shown_and_move_no_byte(maker: Maker) -> None:
    shown = maker[0].render(sample_terms(), language="zh-CN")
    bare = signed(maker, stamped=False)
    assert bare.startswith(shown)
    assert len(bare) > len(shown)
    stamped = maker[1].stamp(bare, at=AT + timedelta(hours=1))
    assert stamped.startswith(shown)
    assert stamped != bare
    assert signed(maker).startswith(shown)


def test_the_copy_of_a_persons_data_is_a_document_with_a_label_for_each_member(maker: Maker) -> None:
    labels = maker[0].copy_labels()
    assert all(set(each) == {"zh-CN", "en"} for each in labels.values())
    assert "loans" in labels
