"""The small part of PromQL that rules and panels use: read strictly, evaluated over two moments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = Vector | float
Series = Mapping[tuple[str, Labels], float]

_TOKEN = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?|=~|[(){}\[\],=<>/-]|"[^"]*")')
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {"sum": sum, "min": min, "max": max}
_UNITS = {"m": 60, "h": 3600}


@dataclass
class Query:
    """Evaluates one expression.

    Attributes:
        text: the expression.
        now: samples of the moment.
        before: samples of the beginning of every range.
        time: of the moment, Unix seconds.
        selected: (metric, label names asked for) that were read.
    """

    text: str
    now: Series
    before: Series = field(default_factory=dict)
    time: float = 0.0
    selected: list[tuple[str, set[str]]] = field(default_factory=list)

    def evaluate(self) -> Value:
        """The value; an empty vector where there is nothing.

        Raises:
            SyntaxError: it is not of the part of PromQL that is known here.
        """
        self._rest, place = [], 0
        while place < len(self.text):
            match = _TOKEN.match(self.text, place)
            if not match:
                raise SyntaxError(f"{self.text!r} at {place}")
            self._rest.append(match[1])
            place = match.end()
        value = self._comparison()
        if self._rest:
            raise SyntaxError(f"{self.text!r}: left {self._rest}")
        return value

    def _next(self, *expected: str) -> str:
        token = self._rest.pop(0) if self._rest else ""
        if not token or (expected and token not in expected):
            raise SyntaxError(f"{self.text!r}: {token!r} instead of {expected}")
        return token

    def _peek(self) -> str:
        return self._rest[0] if self._rest else ""

    def _comparison(self) -> Value:
        left = self._difference()
        if self._peek() not in ("<", ">"):
            return left
        sign, right = self._next(), float(self._next())
        assert isinstance(left, dict)
        return {key: value for key, value in left.items() if (value < right if sign == "<" else value > right)}

    def _difference(self) -> Value:
        value = self._quotient()
        while self._peek() == "-":
            self._next()
            value = _both(value, self._quotient(), lambda a, b: a - b)
        return value

    def _quotient(self) -> Value:
        value = self._term()
        while self._peek() == "/":
            self._next()
            value = _both(value, self._term(), lambda a, b: a / b if b else float("nan"))
        return value

    def _term(self) -> Value:
        name = self._next()
        if name == "time":
            self._next("(")
            self._next(")")
            return self.time
        if name in _AGGREGATES:
            return self._aggregate(name)
        if name == "rate":
            self._next("(")
            now, before, seconds = self._selector(self._next())
            self._next(")")
            assert seconds, "a rate is of a range"
            return {key: (value - before.get(key, 0.0)) / seconds for key, value in now.items()}
        if name == "histogram_quantile":
            self._next("(")
            share = float(self._next())
            self._next(",")
            buckets = self._comparison()
            self._next(")")
            assert isinstance(buckets, dict)
            return _quantile(share, buckets)
        if re.fullmatch(r"[A-Za-z_].*", name):
            now, _, seconds = self._selector(name)
            assert not seconds, "a range is not compared"
            return now
        raise SyntaxError(f"{self.text!r}: {name!r}")

    def _aggregate(self, name: str) -> Vector:
        kept: list[str] = []
        if self._peek() == "by":
            self._next()
            self._next("(")
            while (word := self._next()) != ")":
                kept += [word] if word != "," else []
        self._next("(")
        values = self._comparison()
        self._next(")")
        assert isinstance(values, dict)
        groups: dict[Labels, list[float]] = {}
        for labels, value in values.items():
            groups.setdefault(frozenset(pair for pair in labels if pair[0] in kept), []).append(value)
        return {labels: _AGGREGATES[name](found) for labels, found in groups.items()}

    def _selector(self, metric: str) -> tuple[Vector, Vector, float]:
        wanted: dict[str, str] = {}
        if self._peek() == "{":
            self._next()
            while self._peek() != "}":
                label, sign, value = self._next(), self._next("=", "=~"), self._next()[1:-1]
                wanted[label] = value if sign == "=~" else re.escape(value)
                if self._peek() == ",":
                    self._next()
            self._next("}")
        seconds = 0.0
        if self._peek() == "[":
            self._next()
            seconds = float(self._next()) * _UNITS[self._next(*_UNITS)]
            self._next("]")
        self.selected.append((metric, set(wanted)))

        def of(series: Series) -> Vector:
            return {
                labels: value
                for (name, labels), value in series.items()
                if name == metric
                and all(re.fullmatch(pattern, dict(labels).get(key, "")) for key, pattern in wanted.items())
            }

        return of(self.now), of(self.before), seconds


def _both(left: Value, right: Value, do: Callable[[float, float], float]) -> Value:
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: do(value, right[key]) for key, value in left.items() if key in right}
    if isinstance(right, dict):
        assert isinstance(left, float)
        return {key: do(left, value) for key, value in right.items()}
    if isinstance(left, dict):
        return {key: do(value, right) for key, value in left.items()}
    return do(left, right)


def _quantile(share: float, buckets: Vector) -> Vector:
    """The upper bound of the bucket that the quantile lies in."""
    found: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        found.setdefault(rest, []).append((float(dict(labels)["le"]), count))
    return {
        labels: next(bound for bound, count in sorted(pairs) if count >= share * max(pairs)[1])
        for labels, pairs in found.items()
    }
