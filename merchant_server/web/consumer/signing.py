"""The pages of the agreement: its cost disclosed, its document, the code that signs it, and the receipt."""

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.agreement import Agreement, AgreementStatus
from merchant_server.domain.errors import DomainError, RuleRefused, TransitionConflict
from merchant_server.domain.stroke import Stroke
from merchant_server.services.sale import signing
from merchant_server.services.sale.evidence import evidence_bundle
from merchant_server.services.sale.offline import receipt_of
from merchant_server.web.consumer.arrival import (
    Site,
    StepElsewhere,
    arrive,
    claim,
    is_no_phone,
    show,
    show_refusal,
    witness,
)
from merchant_server.web.consumer.counter import shown_receipt
from merchant_server.web.consumer.disclosure import Disclosure, disclosure
from merchant_server.web.consumer.steps import Page
from merchant_server.web.consumer.way_back import way_back
from merchant_server.web.language import language_tag

# The page's own policy would keep some browsers' PDF viewers from showing the document.
PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

# What the page's script tells; a page without scripts tells nothing.
SCROLLED = {"0": False, "1": True}


def agreement(site: Site, token: str) -> ResponseReturnValue:
    """Disclose what the chosen plan costs, with the document to read."""
    visit = arrive(site, token, Page.AGREEMENT)
    return show("agreement", Page.AGREEMENT, visit, view=_view(site, token))


def send_code(site: Site, token: str) -> ResponseReturnValue:
    """Send the code that signs the very document that was shown."""
    visit = arrive(site, token, Page.AGREEMENT)
    view = _view(site, token)
    try:
        _refuse_another(view)
        _refuse_unconfirmed()
        seen = witness(confirmed=True, scrolled_to_end=SCROLLED.get(request.form.get("scrolled", "")))
        signing.send_signing_code(site.deps, token, claim(site), language_tag(), witness=seen)
    except DomainError as error:
        return show_refusal(error, "agreement", Page.AGREEMENT, visit, view=view)
    return redirect(url_for(".sign", token=token), 303)


def sign(site: Site, token: str) -> ResponseReturnValue:
    """Ask for the code that signs."""
    visit = arrive(site, token, Page.SIGN)
    return show("sign", Page.SIGN, visit, view=_view(site, token))


def put_signature(site: Site, token: str) -> ResponseReturnValue:
    """Sign. A second tap lands where the first one led."""
    visit = arrive(site, token, Page.SIGN)
    view = _view(site, token)
    try:
        _refuse_another(view)
        seen = witness(stroke=Stroke.parse(request.form.get("stroke", "")))
        signing.sign(site.deps, token, claim(site), request.form.get("code", ""), seen)
    except DomainError as error:
        # The first of two taps may have signed a moment ago: then this leads to the receipt.
        visit = arrive(site, token, Page.SIGN)
        if error.code == "code_used" or isinstance(error, TransitionConflict):
            return show("sign", Page.SIGN, visit, view=view, working=True), 409
        drawn = "" if error.code == "stroke_malformed" else request.form.get("stroke", "")
        return show_refusal(error, "sign", Page.SIGN, visit, view=view, stroke=drawn)
    return redirect(url_for(".done", token=token), 303)


def done(site: Site, token: str) -> ResponseReturnValue:
    """Show what was signed and when what is due."""
    visit = arrive(site, token, Page.DONE)
    back = way_back(visit.checkout.return_url)
    receipt = receipt_of(site.deps, token, claim(site))
    return show("done", Page.DONE, visit, view=_view(site, token), back=back, receipt=shown_receipt(receipt))


def document(site: Site, token: str) -> ResponseReturnValue:
    """Serve the document: exactly the bytes that were shown, or, once signed, exactly the signed ones (law 6)."""
    if is_no_phone():
        raise StepElsewhere(Page.START)
    found = signing.shown_agreement(site.deps, token, claim(site))
    response = Response(_bytes(found), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="fenqi-{found.id}.pdf"'
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response


def evidence(site: Site, token: str) -> ResponseReturnValue:
    """Serve the evidence of a signed agreement as one file that verifies without us."""
    arrive(site, token, Page.DONE)
    found = signing.shown_agreement(site.deps, token, claim(site))
    response = Response(evidence_bundle(site.deps, found.id), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="fenqi-{found.id}.zip"'
    return response


def _bytes(found: Agreement) -> bytes:
    if found.status == AgreementStatus.SIGNED:
        assert found.signed_pdf is not None
        return found.signed_pdf
    return found.shown_pdf


def _view(site: Site, token: str) -> Disclosure:
    found = signing.shown_agreement(site.deps, token, claim(site))
    return disclosure(found, int((site.deps.clock.now() - found.shown_at).total_seconds()))


def _refuse_unconfirmed() -> None:
    """Raise RuleRefused for a form whose box was not ticked; nothing ticks it but a person."""
    if request.form.get("confirmed") != "1":
        raise RuleRefused(
            "the agreement was not confirmed", code="confirm_missing", field="confirmed", hint="tick the box"
        )


def _refuse_another(view: Disclosure) -> None:
    """Raise RuleRefused when the form was made for a document that another tab has replaced."""
    if request.form.get("agreement_id") != view.agreement.id:
        raise RuleRefused(
            "another plan was chosen meanwhile",
            code="agreement_replaced",
            hint="read the agreement that is shown now",
        )
