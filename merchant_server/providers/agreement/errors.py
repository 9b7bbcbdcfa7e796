"""What can go wrong between terms and a signed agreement; every error says what to mend."""

from merchant_server.ports import DocumentRefused, ProviderRefused


class TermsRefused(DocumentRefused):
    """The terms cannot be made into an agreement. Attributes: field, reason."""


class TemplateBroken(Exception):
    """The template or its fonts are damaged: the installation's fault, not the terms'. Attributes: reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the agreement template cannot be used: {reason}")


class AuthorityUnusable(Exception):
    """The installation's signing authority cannot be read or trusted. Attributes: path, reason."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the signing authority in {path} {reason}")


class SigningRefused(ProviderRefused):
    """This document or signer cannot be signed as asked. Attributes: agreement_id, reason."""

    def __init__(self, agreement_id: str, reason: str) -> None:
        super().__init__("signer", "signing_refused", f"agreement {agreement_id} cannot be signed: {reason}")
        self.agreement_id, self.reason = agreement_id, reason
