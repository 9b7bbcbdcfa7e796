"""Why a bundle cannot be judged at all; what is merely wrong with it is a finding of the report instead."""

from fenqi.errors import FenqiError


class RootUnusable(FenqiError):
    """The root to trust is not a certificate. Attribute: reason."""

    default_code = "root_unusable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The root certificate {reason}.", hint="Give the root.pem that the operator publishes."
        )


class EvidenceMalformed(FenqiError):
    """A part of the bundle is not what a fenqi server writes. Attributes: part (a file's name), reason."""

    default_code = "evidence_malformed"

    def __init__(self, part: str, reason: str) -> None:
        self.part, self.reason = part, reason
        super().__init__(f"{part} {reason}")


class VerifierMissing(FenqiError):
    """The libraries that check signatures are not installed."""

    default_code = "verifier_missing"

    def __init__(self) -> None:
        super().__init__("Signatures cannot be checked yet.", hint="Run: pip install 'fenqi[verify]'")
