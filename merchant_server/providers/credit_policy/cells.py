"""What a cell of a policy may say: conditions that can match, outputs of the right kind, safe formulas.

zen-engine takes a broken cell, a mistyped value or an unknown name as "does not match"; here each is a fault.
"""

import re
from collections.abc import Iterator, Mapping

import zen

from merchant_server.domain.decision import GRADES, Outcome
from merchant_server.domain.features import COUNTED_FEATURES, REGISTRY
from merchant_server.domain.refusal import REFUSALS, Kind

FEATURES = frozenset(REGISTRY)
TEXTS = FEATURES - {*COUNTED_FEATURES, "bureau_score"}
WORDS = frozenset(("and", "or", "not", "in", "true", "false", "null"))
STRING = re.compile(r'"([^"]*)"|\'([^\']*)\'|`([^`]*)`')
NAME = re.compile(r"(?<![\w.])(\$\.)?([A-Za-z_]\w*)\b(?!\s*\()")
FRACTION = re.compile(r"(?<![\w.])\d+(\.\d|[eE])")
DIVISION = re.compile(r"[/%]\s*(\$\.)?(\w*)")
DECIMAL = re.compile(r"0(\.\d{1,6})?|1")

Values = Mapping[str, frozenset[str] | None]
"""What each known name can be, as literals of the expression language; None when that is not known."""


def feature_values() -> dict[str, frozenset[str] | None]:
    """Return the names that a policy may start from, with the values of those that are enumerated."""
    return {
        name: frozenset(f'"{each}"' for each in feature.values) if feature.values else None
        for name, feature in REGISTRY.items()
    }


def literals(cell: str) -> list[str]:
    """Return the texts quoted in a cell, each in double quotes."""
    return ['"' + "".join(groups) + '"' for groups in STRING.findall(cell)]


def without_texts(cell: str) -> str:
    """Return a cell with its quoted texts taken out."""
    return STRING.sub("", cell)


def condition_faults(cell: str, field: str, before: Values) -> Iterator[str]:
    """Yield why a condition could never match, or would match by accident."""
    if not cell:
        return
    try:
        zen.compile_unary_expression(cell)
    except RuntimeError:
        yield f"{cell} is not a condition that the engine can read"
        return
    bare, values = without_texts(cell), before.get(field)
    quoted = literals(cell)
    for name in _unknown_names(bare, before):
        yield f"{name} is neither a feature nor computed before"
    if FRACTION.search(bare):
        yield "fractions are not compared; use whole numbers in a smaller unit"
    if values is not None:
        strays = [each for each in (*quoted, *re.findall(r"\b(?:true|false)\b", bare)) if each not in values]
        yield from (f"{field} is never {each}; it is one of {', '.join(sorted(values))}" for each in strays)
    number = field in FEATURES - TEXTS
    if number and quoted:
        yield f"{field} is a number and is compared with a text"
    text = field in TEXTS or (values is not None and any(each.startswith('"') for each in values))
    if text and re.search(r"\d|\btrue\b|\bfalse\b", bare):
        yield f"{field} is a text; write it in double quotes"


def output_faults(cell: str, field: str, before: Values) -> Iterator[str]:
    """Yield why an output cell is not a value of its column."""
    if not cell:
        yield 'an output may not be empty; write "" for no text'
        return
    yield from formula_faults(cell, before, frozenset())
    if field.endswith("rate_discount"):
        if not (cell.startswith('"') and DECIMAL.fullmatch(cell.strip('"'))):
            yield f'{cell} is not a decimal text from "0" to "1" such as "0.03"'
    elif FRACTION.search(without_texts(cell)):
        yield "fractions are not allowed; use whole numbers, or a decimal text for a rate"
    if field.endswith("_minor") and cell.startswith("-"):
        yield "an amount may not be negative"
    for literal in literals(cell):
        value = literal.strip('"')
        if field == "outcome" and value not in tuple(Outcome):
            yield f"{value} is not an outcome; use approve, refer or decline"
        if field in ("grade", "band") and value not in GRADES:
            yield f"{value} is not a grade; use A to G"
        if value and (field == "code" or field.startswith("factor_")):
            yield from _code_faults(value, factor=field != "code")


def _code_faults(code: str, *, factor: bool) -> Iterator[str]:
    entry = REFUSALS.get(code)
    if entry is None:
        yield f"{code} is not a reason code; add it with both texts before a policy uses it"
    elif factor != (entry.kind is Kind.FACTOR):
        yield f"{code} is a reason of kind {entry.kind} and does not belong in this column"


def formula_faults(formula: str, before: Values, local: frozenset[str]) -> Iterator[str]:
    """Yield why a formula cannot be read, lacks a name or may divide by zero; `local` are its `$.` names."""
    try:
        zen.compile_expression(formula)
    except RuntimeError:
        yield f"{formula} is not an expression that the engine can read"
        return
    bare = without_texts(formula)
    for name in _unknown_names(bare, before, local):
        yield f"{name} is neither a feature nor computed before"
    for earlier, divisor in DIVISION.findall(bare):
        values = None if earlier else before.get(divisor)
        candidates = {divisor} if divisor.isdigit() else values
        if candidates is None or not all(each.isdigit() and int(each) for each in candidates):
            yield f"divides by {divisor or 'an expression'}, which could be zero"


def _unknown_names(bare: str, before: Values, local: frozenset[str] = frozenset()) -> Iterator[str]:
    for earlier, name in NAME.findall(bare):
        if name not in WORDS and name not in (local if earlier else before):
            yield f"$.{name}" if earlier else name


def expression_faults(key: str, formula: str, before: Values, local: frozenset[str]) -> Iterator[str]:
    """Yield why one line of an expression node is not a value of its key."""
    yield from formula_faults(formula, before, local)
    if FRACTION.search(without_texts(formula)):
        yield "fractions are not allowed; multiply and divide whole numbers"
    texts = [literal.strip('"') for literal in literals(formula)]
    if key == "reasons":
        yield from (f"{text} is not a reason code" for text in texts if text and text not in REFUSALS)
    if key == "rate_discount":
        yield from (f'"{text}" is not a decimal text' for text in texts if not DECIMAL.fullmatch(text))
