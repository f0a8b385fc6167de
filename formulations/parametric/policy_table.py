"""The optimal plan as a table over one figure of an instance, and its file (docs/plan-file.md)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict, force_setattr

from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.parameter import LinkBandwidth, NodeSpeed, Parameter
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.arguments import number, whole
from splitfog.instances.json_files import encode
from splitfog.instances.read_only import read_only
from splitfog.instances.readable import counted, printable
from splitfog.instances.records import NonNegative, Positive

FORMAT: Literal["splitfog/policy"] = "splitfog/policy"
VERSION: Literal[1] = 1

Unit = Literal["bit/s", "FLOP/s"]


class PolicyPiece(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From `low` up to (not including) `high` this placement costs `alpha_s + beta / value`.

    `placement` is {task: {layer: node}}; `beta` in bits or FLOP, a mean over tasks.
    """

    low: Positive
    high: Positive
    alpha_s: NonNegative
    beta: NonNegative
    placement: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        force_setattr(self, "placement", read_only(self.placement))

    def value_at(self, value: float) -> float:
        """Seconds at a bandwidth or speed."""
        return self.alpha_s + self.beta / value


class Policy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The plan to use at every bandwidth (or speed) of a range.

    Attributes
    ----------
    format, version
        Of the file.
    instance, instance_sha256
        What was solved, by name and by the hash of its file.
    objective
        Its `latency`.
    link, node
        What varies: the bandwidth of a link (from, to), or the speed of a node; the other is None.
    unit : "bit/s" or "FLOP/s"
        Of `low`, `high` and the pieces' ends.
    low, high
        The range, both ends included.
    status : "optimal", "feasible", "infeasible" or "unknown"
        Optimal where no plan anywhere in the range is better by more than 1e-6 relative;
        infeasible or unknown where there are no pieces.
    gap
        By how much, relative, a plan may be better at most; None: no bound known.
    reason
        Why there are no pieces, or why they are not proven; else None.
    oracle, asked
        The exact solver behind it, and how often it was called.
    runtime_s
        Seconds that it took.
    pieces
        In order, without holes: `low`, `high`, the placement, and the line
        `alpha_s + beta / value` that is its cost.
    """

    format: Literal["splitfog/policy"] = FORMAT
    version: Literal[1] = VERSION
    instance: str
    instance_sha256: str
    objective: Objective
    link: tuple[str, str] | None = None
    node: str | None = None
    unit: Unit
    low: Positive
    high: Positive
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    gap: float | None = None
    reason: str | None = None
    oracle: str | None = None
    asked: int = 0
    runtime_s: float | None = None
    pieces: tuple[PolicyPiece, ...] = ()

    def __repr__(self) -> str:
        span = f"{self.low:.3g} to {self.high:.3g} {self.unit}"
        pieces = f"{counted(len(self.pieces), 'piece')}, {self.status}"
        what = f"{self.objective} by {self.parameter.name}, {span}"
        return printable(f"<Policy for {self.instance}: {what}, {pieces}>")

    @property
    def parameter(self) -> Parameter:
        """What varies."""
        if self.link is not None:
            return LinkBandwidth(*self.link)
        assert self.node is not None
        return NodeSpeed(self.node)

    @cached_property
    def break_points(self) -> tuple[float, ...]:
        """Where the plan or its line changes, ascending; n of them for n + 1 pieces."""
        return tuple(piece.low for piece in self.pieces[1:])

    @cached_property
    def plans(self) -> tuple[PlanFile, ...]:
        """The plan of every piece; without a value, which depends on where in the piece."""
        return tuple(
            PlanFile(
                instance=self.instance,
                objective=self.objective,
                tasks=tuple(TaskEntry(task=t, placement=p) for t, p in piece.placement.items()),
            )
            for piece in self.pieces
        )

    def plan_at(self, bandwidth_bps: float) -> PlanFile:
        """The plan at a bandwidth (or a speed): a look-up, O(log pieces).

        Parameters
        ----------
        bandwidth_bps
            In bit/s; a speed in FLOP/s.

        Returns
        -------
        Plan
            Placements alone; `splitfog.plan` gives it its figures.

        Raises
        ------
        ValueError
            Outside of the range, and where there is no plan.
        """
        return self.plans[self._position(bandwidth_bps)]

    def piece_at(self, value: float) -> PolicyPiece:
        """The piece that holds a bandwidth or a speed.

        Parameters
        ----------
        value
            In the policy's `unit`.

        Returns
        -------
        PolicyPiece

        Raises
        ------
        ValueError
            As `plan_at`.
        """
        return self.pieces[self._position(value)]

    def value_at(self, bandwidth_bps: float) -> float:
        """What the best plan costs at a bandwidth (or a speed).

        Parameters
        ----------
        bandwidth_bps
            In bit/s; a speed in FLOP/s.

        Returns
        -------
        float
            Seconds.

        Raises
        ------
        ValueError
            As `plan_at`.
        """
        return self.piece_at(bandwidth_bps).value_at(bandwidth_bps)

    def kind_of(self, position: int) -> Literal["plan", "route"]:
        """What changes at a break point: the plan, or only routes and so the plan's line.

        Parameters
        ----------
        position
            Of the break point, in `break_points`.

        Returns
        -------
        "plan" or "route"
        """
        position = whole("position", position, low=0, high=len(self.pieces) - 2)
        before, after = self.pieces[position : position + 2]
        return "route" if before.placement == after.placement else "plan"

    def to_json(self) -> bytes:
        """What saving writes.

        Returns
        -------
        bytes
        """
        return encode(self)

    def rows(self) -> list[dict[str, Any]]:
        """One row a piece.

        Returns
        -------
        list of dict
            `low`, `high`, `alpha_s`, `beta`; the seconds at both ends, `low_s` and `high_s`; and
            `layers`, their number by node.
        """
        rows = []
        for piece in self.pieces:
            row = asdict(piece)
            placement = row.pop("placement")
            counts: dict[str, int] = {}
            for layers in placement.values():
                for node in layers.values():
                    counts[node] = counts.get(node, 0) + 1
            ends = {"low_s": piece.value_at(piece.low), "high_s": piece.value_at(piece.high)}
            rows.append({**row, **ends, "layers": counts})
        return rows

    @cached_property
    def _lows(self) -> tuple[float, ...]:
        return tuple(piece.low for piece in self.pieces)

    def _position(self, value: float) -> int:
        value = number(self.parameter.name, value)
        if not self.low <= value <= self.high:
            limits = f"between {self.low:g} and {self.high:g} {self.unit}"
            raise ValueError(f"{self.parameter.name} = {value}, must be {limits}")
        if not self.pieces:
            raise ValueError(f"the policy of {self.instance} has no plan: {self.reason}")
        return bisect_right(self._lows, value) - 1
