"""A value that does not show itself: printing, formatting and JSON give stars, and only `reveal()` gives the value."""

from typing import Any, Generic, NoReturn, TypeVar

Value = TypeVar("Value")
STARS = "***"


class Secret(Generic[Value]):
    """Holds personal data on its way through the code. `json.dumps` refuses it; Flask's JSON and Jinja show stars."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        """Return the value; every call is a place to look at in a review."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({STARS})"

    def __str__(self) -> str:
        return STARS

    def __format__(self, spec: str) -> str:
        return STARS

    def __html__(self) -> str:
        return STARS

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> "Secret[Value]":
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Secret[Value]":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: reveal it where it is needed, and seal what is stored")
