"""Static analysis of a credit policy before anybody is judged by it: every problem, with its line.

It knows the features, the grades and the reason codes; it decides about nobody.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import zen

from merchant_server.domain.decision import (
    BUREAU_SCORES,
    COUNTED_FEATURES,
    GRADES,
    LARGEST_AMOUNT_MINOR,
)
from merchant_server.domain.refusal import REFUSALS
from merchant_server.providers.credit_policy import bins
from merchant_server.providers.credit_policy.cells import (
    TEXTS,
    Values,
    condition_faults,
    expression_faults,
    feature_values,
    literals,
    output_faults,
)
from merchant_server.providers.credit_policy.shape import Problem, Source, ordered, read, shape_problems

ANSWER = (
    "outcome",
    "grade",
    "limit_minor",
    "available_minor",
    "rate_discount",
    "reasons",
    "counter_offer_minor",
    "rate_cap_bps",
    "installment_max_minor",
    "line_days",
    "expected_loss_minor",
    "ask_bureau",
)
LEGAL_RATE_CAP_BPS = 2_400
LISTED = re.compile(r'\s*"[^"]*"(\s*,\s*"[^"]*")*\s*')


def check(policy: bytes, *, rate_cap_bps: int = LEGAL_RATE_CAP_BPS) -> list[Problem]:
    """Return every problem found in a policy file, by line; an empty list means that it may be published.

    `rate_cap_bps` is the highest yearly cost that the law allows here (24 % in China by default; 最高人民法院
    法释〔2020〕17 号 and later practice). Never raises for what the file holds.
    """
    try:
        text = policy.decode("utf-8")
        document = read(policy)
    except ValueError as error:
        return [Problem(getattr(error, "lineno", 1), "policy", f"the file {error}")]
    source = Source(text)
    if found := shape_problems(document, source):
        return sorted(found)
    nodes, parents, found = ordered(document, source)
    known: dict[str, dict[str, frozenset[str] | None]] = {}
    for node in nodes:
        before = _merged(known[parent] for parent in parents[node["id"]])
        known[node["id"]] = before
        if node["type"] == "inputNode":
            known[node["id"]] = feature_values()
        elif node["type"] == "decisionTableNode":
            found += Table(node, before, source).problems()
            found += _price_problems(node, source, rate_cap_bps)
            known[node["id"]] = _after(node, before, _table_values(node["content"], before))
        elif node["type"] == "expressionNode":
            found += _expression_problems(node, before, source)
            found += _price_problems(node, source, rate_cap_bps)
            known[node["id"]] = _after(
                node, before, {each["key"]: None for each in node["content"]["expressions"]}
            )
        else:
            found += [
                source.problem(f"nothing computes {name}", node["id"])
                for name in ANSWER
                if name not in before
            ]
    return sorted({*found, *_engine_problems(text, source)})


class Table:
    """One decision table, with the values known before it."""

    def __init__(self, node: dict[str, Any], before: Values, source: Source) -> None:
        self.id, self.before, self.source = node["id"], before, source
        content = node["content"]
        self.first = content["hitPolicy"] == "first"
        self.path = content.get("outputPath")
        self.inputs = {column["id"]: column["field"] for column in content["inputs"]}
        self.outputs = {column["id"]: column["field"] for column in content["outputs"]}
        self.rules = content["rules"]

    def problems(self) -> list[Problem]:
        """Return what is wrong with columns, rows and cells."""
        found = [
            self.source.problem(f"{field} is neither a feature nor computed before", self.id, field)
            for field in self.inputs.values()
            if field not in self.before
        ]
        if not self.first and not self.path:
            found.append(self.source.problem("a table that collects needs an outputPath", self.id))
        found += [self._problem(message, *where) for where, message in self._row_faults()]
        if self.first and not found:
            found += [self._problem(message, row) for row, message in self._coverage_faults()]
        return found

    def _problem(self, message: str, *where: str) -> Problem:
        return self.source.problem(message, self.id, *where)

    def _row_faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        columns = {*self.inputs, *self.outputs}
        seen: set[str] = set()
        last = len(self.rules) - 1
        for index, rule in enumerate(self.rules):
            row = rule.get("_id", "")
            if not row or row in seen:
                yield (row,), "every row needs an _id of its own"
            seen.add(row)
            for name in {*rule} - columns - {"_id", "_description"}:
                yield (row, name), "there is no such column"
            blank = not any(rule.get(column, "").strip() for column in self.inputs)
            if blank and not (self.first and index == last):
                yield (row,), "matches everybody, so rows after it are never reached"
            if not blank and self.first and index == last:
                yield (row,), "the last row must be a default row: leave its conditions empty"
            for column, field in self.inputs.items():
                for message in condition_faults(rule.get(column, "").strip(), field, self.before):
                    yield (row, field), message
            for column, field in self.outputs.items():
                for message in output_faults(rule.get(column, "").strip(), field, self.before):
                    yield (row, field), message
            yield from (((row, "code"), message) for message in self._kind_faults(rule))

    def _kind_faults(self, rule: dict[str, str]) -> Iterator[str]:
        cells = {field: rule.get(column, "").strip().strip('"') for column, field in self.outputs.items()}
        entry = REFUSALS.get(cells.get("code", ""))
        if entry and "outcome" in cells and entry.kind != cells["outcome"]:
            yield f"{entry.code} is a reason to {entry.kind}, and this row says {cells['outcome']}"

    def _coverage_faults(self) -> Iterator[tuple[str, str]]:
        if len(self.inputs) != 1:
            return
        ((column, field),) = self.inputs.items()
        cells = {rule["_id"]: rule[column].strip() for rule in self.rules[:-1]}
        values = self.before[field]
        if field in TEXTS or (values is not None and not any(each.lstrip("-").isdigit() for each in values)):
            yield from _listing_faults(cells, values)
            return
        covered = {row: bins.covered(cell) for row, cell in cells.items()}
        for row, span in covered.items():
            if span is None:
                yield row, f"{cells[row]} is not one range of whole numbers such as [600..650) or >= 5"
        if None not in covered.values():
            spans = {row: span for row, span in covered.items() if span is not None}
            yield from bins.faults(spans, _domain(field))
            yield from self._band_faults(spans)

    def _band_faults(self, spans: dict[str, tuple[int, int]]) -> Iterator[tuple[str, str]]:
        for column, field in self.outputs.items():
            if field not in ("band", "grade"):
                continue
            rows = sorted(spans, key=lambda row: spans[row], reverse=True)
            given = {rule["_id"]: rule[column].strip().strip('"') for rule in self.rules}
            bands = [given[row] for row in rows]
            for row, band, grade in zip(rows, bands, GRADES, strict=False):
                if band != grade:
                    yield (
                        row,
                        f"grades fall from A to G as points fall, each once; expected {grade}, found {band}",
                    )
                    return
            if len(bands) != len(GRADES):
                yield rows[-1] if rows else "", f"there must be {len(GRADES)} bands, one for each grade"


def _expression_problems(node: dict[str, Any], before: Values, source: Source) -> Iterator[Problem]:
    local: set[str] = set()
    for each in node["content"]["expressions"]:
        for fault in expression_faults(each["key"], each["value"], before, frozenset(local)):
            yield source.problem(fault, node["id"], each["key"])
        local.add(each["key"])


def _price_problems(node: dict[str, Any], source: Source, cap_bps: int) -> Iterator[Problem]:
    """Yield every price cap that is not a plain number of basis points within the law's cap."""
    content = node["content"]
    columns = {each["id"]: each["field"] for each in content.get("outputs", ())}
    cells = [
        (rule.get("_id", ""), rule.get(column, "").strip(), field)
        for rule in content.get("rules", ())
        for column, field in columns.items()
    ]
    cells += [(each["key"], each["value"].strip(), each["key"]) for each in content.get("expressions", ())]
    for where, cell, field in cells:
        if field != "rate_cap_bps":
            continue
        if not cell.isdecimal():
            yield source.problem(
                f"{cell} is not a whole number of basis points such as 2400", node["id"], where
            )
        elif int(cell) > cap_bps:
            yield source.problem(
                f"a price up to {cell} basis points a year is over the legal cap of {cap_bps}",
                node["id"],
                where,
            )


def _listing_faults(cells: dict[str, str], values: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    graded = values == frozenset(f'"{grade}"' for grade in GRADES)
    answered: dict[str, str] = {}
    for row, cell in cells.items():
        if not LISTED.fullmatch(cell):
            if graded:
                yield row, "list the grades of this row in double quotes"
            continue
        for literal in literals(cell):
            if literal in answered:
                yield row, f"{literal} is already answered by {answered[literal]}"
            answered.setdefault(literal, row)
    if graded and values:
        missing = ", ".join(sorted(values - set(answered)))
        if missing:
            yield next(reversed(cells), ""), f"no row answers grade {missing}"


def _domain(field: str) -> tuple[int, int]:
    if field == "bureau_score":
        return BUREAU_SCORES
    return (0, LARGEST_AMOUNT_MINOR) if field in COUNTED_FEATURES else (bins.LOWEST, bins.HIGHEST)


def _merged(parents: Iterable[Values]) -> dict[str, frozenset[str] | None]:
    known: dict[str, frozenset[str] | None] = {}
    for parent in parents:
        for name, values in parent.items():
            other = known.get(name, values)
            known[name] = None if values is None or other is None else values | other
    return known


def _table_values(content: dict[str, Any], before: Values) -> dict[str, frozenset[str] | None]:
    if content.get("outputPath"):
        return {content["outputPath"]: None}
    values: dict[str, frozenset[str] | None] = {}
    for column in content["outputs"]:
        possible: set[str] | None = set()
        for rule in content["rules"]:
            cell = rule.get(column["id"], "").strip()
            literal = re.fullmatch(r'"[^"]*"|-?\d+|true|false', cell)
            more = frozenset((cell,)) if literal else before.get(cell)
            possible = None if possible is None or more is None else possible | more
        values[column["field"]] = None if possible is None else frozenset(possible)
    return values


def _after(
    node: dict[str, Any], before: Values, values: dict[str, frozenset[str] | None]
) -> dict[str, frozenset[str] | None]:
    return {**before, **values} if node["content"]["passThrough"] else values


def _engine_problems(text: str, source: Source) -> Iterator[Problem]:
    try:
        zen.ZenEngine().create_decision(text).validate()
    except RuntimeError as error:
        yield source.problem(f"the engine refuses the file: {str(error).splitlines()[0]}")
