"""A mixed 0-1 linear program as plain arrays; `engines.milp` hands it to an engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from splitfog.formulations.deadline import NEVER, Deadline

Terms = Iterable[tuple[int, float]]
Key = tuple[str | int, ...]
"""What a column or a row stands for: a word, and positions of what it is about."""

LOOKS = 256
"""Columns, and rows, between two looks at the clock: less than a millisecond."""


@dataclass(kw_only=True)
class LinearProgram:
    """Minimise `cost` x + `constant`, 0 <= x <= `upper`, subject to rows `lower <= a x <= upper`.

    Columns are added one by one; `is_binary` columns must be 0 or 1 (or whole, where `upper` is
    above 1). A row's coefficients of one column add up. Whoever builds it is stopped by `TimeIsUp`
    when `deadline` comes.
    """

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    is_binary: list[bool] = field(default_factory=list)
    rows: list[dict[int, float]] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    column_keys: list[Key] = field(default_factory=list)
    row_keys: list[Key] = field(default_factory=list)
    constant: float = 0.0
    deadline: Deadline = NEVER

    @property
    def num_columns(self) -> int:
        """How many variables there are."""
        return len(self.cost)

    def add_column(
        self, cost: float = 0.0, upper: float = 1.0, is_binary: bool = False, key: Key = ()
    ) -> int:
        """The position of a new variable in [0, `upper`]."""
        self._look(len(self.cost))
        self.column_keys.append(key)
        self.cost.append(cost)
        self.upper.append(upper)
        self.is_binary.append(is_binary)
        return len(self.cost) - 1

    def add_row(self, terms: Terms, lower: float = -inf, upper: float = inf, key: Key = ()) -> int:
        """The position of a new row; equal bounds make an equation, one of them may be infinite."""
        self._look(len(self.rows))
        row: dict[int, float] = {}
        for column, coefficient in terms:
            row[column] = row.get(column, 0.0) + coefficient
        self.rows.append({column: value for column, value in row.items() if value})
        self.row_keys.append(key)
        self.row_lower.append(lower)
        self.row_upper.append(upper)
        return len(self.rows) - 1

    def _look(self, count: int) -> None:
        """Look at the clock now and then."""
        if count % LOOKS == 0:
            self.deadline.check("a 0-1 program")
