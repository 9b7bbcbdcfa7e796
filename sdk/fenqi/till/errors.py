"""Why a till without network says no."""

from fenqi.errors import FenqiError


class TillRefused(FenqiError):
    """The till cannot sell, or cannot believe what it was shown; `code` names the rule, `hint` what to do."""

    default_code = "till_refused"


class CodeWrong(TillRefused):
    """The eight digits are not this sale's. Attribute: tries_left; at 0 only a receipt or the network can tell."""

    default_code = "offline_code_wrong"

    def __init__(self, tries_left: int) -> None:
        self.tries_left = tries_left
        super().__init__(
            "This is not the code of this sale.",
            hint=(
                f"Look at the customer's phone again; {tries_left} tries are left."
                if tries_left
                else "Scan the receipt on the customer's phone, or wait for the network."
            ),
        )
