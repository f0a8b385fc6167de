"""The best plan for any values of several figures at once, as a table, and its file's form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from msgspec import field as renamed
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from splitfog.formulations.costs.feasibility import MEMORY_SLACK
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Figure, Key
from splitfog.formulations.parametric.planes import Cell, Floats, Lookup, Plane
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.arguments import choice, number, numbers, wrong
from splitfog.instances.json_files import encode
from splitfog.instances.lookup import unknown_name
from splitfog.instances.read_only import read_only, seal
from splitfog.instances.readable import counted, in_bytes, printable
from splitfog.instances.records import NonNegative

FORMAT: Literal["splitfog/policy"] = "splitfog/policy"
VERSION: Literal[2] = 2

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
StoppedBy = Literal["finished", "time limit", "interrupted"]
RoutesBy = Literal["follow", "keep"]
Down = str | tuple[str, str] | Iterable[str | tuple[str, str]] | None
"""What does not work: a node, a link (from, to), or several of them."""


class CrossedLink(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A directed link that some plan's tensors cross, with its latency in the instance."""

    tail: str = renamed(name="from")
    head: str = renamed(name="to")
    latency_s: NonNegative
    duplex: bool


class HeldWeights(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node holds where every plan of the table is ready to run, and how much it may."""

    weight_bytes: NonNegative
    memory_bytes: NonNegative | None = None


class FailureTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table while one node is down: as the fields of `PlanTable` of the same names."""

    status: Status
    stopped_by: StoppedBy = "finished"
    reason: str | None = None
    gap: float | None = None
    oracle: str | None = None
    asked: int = 0
    cells: tuple[Cell, ...] = ()
    own: tuple[Plane | None, ...] | None = None


class PlanTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The plan to use for all values of some figures within a box.

    Attributes
    ----------
    format, version
        Of the file.
    instance, instance_sha256
        What was solved, by name and by the hash of its file.
    objective
        Its `latency`.
    figures
        What varies and how far, in the order that `values` and `choose` take.
    routes : "follow" or "keep"
        Whether routes are those at the figures, or stay those of the instance's own figures.
    epsilon
        By how much, relative, a plan may be worse than the best one.
    status : "optimal", "feasible", "infeasible" or "unknown"
        Optimal where no plan anywhere in the box is better by more than 1e-6 relative; infeasible
        or unknown where there is no plan.
    stopped_by : "finished", "time limit" or "interrupted"
        Why the search ended.
    gap
        By how much, relative, a plan may be better at most anywhere; None: no bound known.
    reason
        Why there is no plan, or why it is not proven; else None.
    oracle, asked
        The exact solvers behind it, and how often they were called.
    runtime_s
        Seconds that it took, with `failures`.
    placements
        Of every plan: {task: {layer: node}}.
    links
        The directed links that the plans' tensors cross.
    held
        By node, what it holds where all plans are ready.
    cells
        The parts of the box within which no route changes, with every plan's value.
    own
        Every plan's value with the routes of the instance's own figures; None: as in the only
        cell.
    failures
        By node, the same while it is down.
    """

    format: Literal["splitfog/policy"] = FORMAT
    version: Literal[2] = VERSION
    instance: str
    instance_sha256: str
    objective: Objective
    figures: tuple[Figure, ...]
    routes: RoutesBy = "follow"
    epsilon: NonNegative = 0.0
    status: Status
    stopped_by: StoppedBy = "finished"
    reason: str | None = None
    gap: float | None = None
    oracle: str | None = None
    asked: int = 0
    runtime_s: float | None = None
    placements: tuple[Mapping[str, Mapping[str, str]], ...] = ()
    links: tuple[CrossedLink, ...] = ()
    held: Mapping[str, HeldWeights] = {}
    cells: tuple[Cell, ...] = ()
    own: tuple[Plane | None, ...] | None = None
    failures: Mapping[str, FailureTable] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "placements", tuple(read_only(one) for one in self.placements))
        seal(self, "held", "failures")

    def __repr__(self) -> str:
        over = ", ".join(figure.name for figure in self.figures)
        plans = f"{counted(len(self.placements), 'plan')}, {self.status}"
        return printable(f"<PlanTable for {self.instance}: {self.objective} by {over}, {plans}>")

    def _repr_html_(self) -> str:
        from splitfog.formulations.overview import percent, status_words
        from splitfog.formulations.parametric.overview import plan_table_html

        status = f"{status_words(self.status, 'placements')}, gap {percent(self.gap)}"
        failures = [
            (name, failure.reason or failure.status, percent(failure.gap))
            for name, failure in self.failures.items()
        ]
        held = [
            (name, in_bytes(one.weight_bytes), _room(one.memory_bytes))
            for name, one in self.held.items()
            if one.weight_bytes
        ]
        lines = (repr(self).strip("<>"), status, self.reason)
        return plan_table_html(lines, self.figures, self.rows(), failures, held)

    @cached_property
    def plans(self) -> tuple[PlanFile, ...]:
        """Every plan; without a value, which depends on the figures."""
        return tuple(
            PlanFile(
                instance=self.instance,
                objective=self.objective,
                tasks=tuple(TaskEntry(task=t, placement=p) for t, p in placement.items()),
            )
            for placement in self.placements
        )

    @property
    def fits(self) -> bool:
        """Whether every node has memory for all that all plans place there."""
        return not self.overfull

    @property
    def overfull(self) -> tuple[str, ...]:
        """The nodes whose memory does not hold all plans' weights at once."""
        return tuple(
            name
            for name, held in self.held.items()
            if held.memory_bytes is not None
            and held.weight_bytes > held.memory_bytes * (1 + MEMORY_SLACK)
        )

    def plan_at(self, figures: Mapping[Key, float], down: Down = None) -> PlanFile:
        """The plan to use at some values of the figures: a look-up.

        Parameters
        ----------
        figures
            Of every figure its value: {("device", "edge0"): 8e6, "edge0": 2.0}.
        down
            A node, a link (from, to), or several of them, that do not work. A node with a table of
            its own (`failures`) is looked up there; else only plans remain that do not use it.

        Returns
        -------
        PlanFile
            Placements alone; `splitfog.plan` gives it its figures.

        Raises
        ------
        ValueError
            For values outside of the box, and where there is no plan.
        LookupError
            For a node that is unknown.
        """
        return self.plans[self._looked_up(figures, down)[0]]

    def value_at(self, figures: Mapping[Key, float], down: Down = None) -> float:
        """What the best plan costs at some values of the figures.

        Parameters
        ----------
        figures, down
            As for `plan_at`.

        Returns
        -------
        float
            Seconds.

        Raises
        ------
        ValueError, LookupError
            As `plan_at`.
        """
        return self._looked_up(figures, down)[1]

    def position_at(self, x: Sequence[float]) -> int:
        """Position in `plans` of the plan to use: nothing is checked, a few microseconds.

        Parameters
        ----------
        x
            The figures' values in the order of `figures`.

        Returns
        -------
        int
        """
        coordinates = [1 / v if link else v for v, link in zip(x, self._is_link, strict=True)]
        return self._at_once([1.0, *coordinates])

    def values(
        self,
        X: Any,
        down: Down = None,
        *,
        latency_s: Mapping[tuple[str, str], Any] | None = None,
        routes: RoutesBy | None = None,
    ) -> Floats:
        """What every plan costs at many points.

        Parameters
        ----------
        X
            [n, figures]: values in the order of `figures`, in their own units.
        down
            As for `plan_at`.
        latency_s
            Measured latencies of links (from, to), a number or [n] of them, in place of the
            instance's. A pair is both directions if the link is duplex and only one is named.
        routes : "follow", "keep" or None
            Whether the routes are those at the figures, or stay those of the instance's own
            figures, as in a replay; None: as the table was made.

        Returns
        -------
        float64 array, [n, plans]
            Seconds; inf where a plan may not run.

        Raises
        ------
        ValueError, LookupError
            As `plan_at`.
        """
        lookup = self._lookup(down, self._routes(routes))
        points = self._points(X)
        more_s = None if not latency_s else self._more_s(latency_s, len(points))
        return lookup.values(points, more_s)

    def choose(
        self,
        X: Any,
        down: Down = None,
        *,
        latency_s: Mapping[tuple[str, str], Any] | None = None,
        routes: RoutesBy | None = None,
    ) -> NDArray[np.int64]:
        """The plan to use at many points, of equal ones the first.

        Parameters
        ----------
        X, down, latency_s, routes
            As for `values`.

        Returns
        -------
        int64 array, [n]
            Positions in `plans`.

        Raises
        ------
        ValueError, LookupError
            As `plan_at`.
        """
        if latency_s:
            values = self.values(X, down, latency_s=latency_s, routes=routes)
            found = np.where(np.isinf(values.min(axis=1)), -1, values.argmin(axis=1))
        else:
            found = self._lookup(down, self._routes(routes)).least(self._points(X))
        if (found < 0).any():
            raise self._none_left(down)
        return found

    def bands(
        self, figures: Mapping[Key, float], down: Down = None
    ) -> dict[Key, tuple[float, float]]:
        """How far each figure alone may move within the box before the plan changes.

        Parameters
        ----------
        figures, down
            As for `plan_at`.

        Returns
        -------
        dict
            (low, high) by figure, in its unit: exact, as plans' values are lines there.

        Raises
        ------
        ValueError, LookupError
            As `plan_at`.
        """
        self._looked_up(figures, down)
        lookup, point = self._lookup(down, self.routes), self._point(figures)
        bands: dict[Key, tuple[float, float]] = {}
        for axis, figure in enumerate(self.figures):
            ends = sorted((figure.coordinate(figure.low), figure.coordinate(figure.high)))
            low, high = lookup.interval(point, axis, *ends)
            limits = {
                figure.coordinate(figure.low): figure.low,
                figure.coordinate(figure.high): figure.high,
            }
            bands[figure.key] = tuple(  # type: ignore[assignment]
                sorted(limits.get(end, figure.coordinate(end)) for end in (low, high))
            )
        return bands

    def rows(self) -> list[dict[str, Any]]:
        """One row a plan.

        Returns
        -------
        list of dict
            `plan`, its position; `share`, of the box by logarithms, at how many of `SAMPLES` evenly
            spread points it is the plan to use; `own_s`, its seconds at the instance's own figures
            (those outside of the box: at its edge); and `layers`, their number by node.
        """
        if not self.placements:
            return []
        low, high = (np.array([getattr(f, end) for f in self.figures]) for end in ("low", "high"))
        spread = low * (high / low) ** _evenly_spread(SAMPLES, len(self.figures))
        chosen = self.choose(np.clip(spread, low, high))
        shares = np.bincount(chosen, minlength=len(self.placements)) / SAMPLES
        own = np.clip([1.0 if f.own is None else f.own for f in self.figures], low, high)
        values = self.values(own[None])[0]
        return [
            {
                "plan": at,
                "share": share,
                "own_s": seconds,
                "layers": dict(Counter(n for layers in one.values() for n in layers.values())),
            }
            for at, (one, share, seconds) in enumerate(
                zip(self.placements, shares.tolist(), values.tolist(), strict=True)
            )
        ]

    def to_json(self) -> bytes:
        """What saving writes.

        Returns
        -------
        bytes
        """
        return encode(self)

    @cached_property
    def _is_link(self) -> tuple[bool, ...]:
        return tuple(figure.link is not None for figure in self.figures)

    @cached_property
    def _at_once(self) -> Callable[[Sequence[float]], int]:
        return self._lookup(None, self.routes).position_at

    @cached_property
    def _lookups(self) -> dict[Any, Lookup]:
        return {}

    def _routes(self, routes: RoutesBy | None) -> RoutesBy:
        if routes is None:
            return self.routes
        choice("routes", routes, ("follow", "keep"))
        if routes == "follow" and self.routes == "keep":
            raise ValueError("routes = 'follow', must be 'keep': the table was made with kept ones")
        return routes

    def _lookup(self, down: Down, routes: RoutesBy) -> Lookup:
        """The plans' values while something is down."""
        if not self.placements:
            raise ValueError(f"the plan table of {self.instance} has no plan: {self.reason}")
        nodes, links = self._down(down)
        key = (nodes, links, routes)
        if key not in self._lookups:
            self._lookups[key] = self._make_lookup(nodes, links, routes)
        return self._lookups[key]

    def _make_lookup(
        self, nodes: tuple[str, ...], links: tuple[tuple[str, str], ...], routes: RoutesBy
    ) -> Lookup:
        failed = next((name for name in nodes if name in self.failures), None)
        table = self if failed is None else self.failures[failed]
        cells = table.cells
        if routes == "keep" and table.own is not None:
            cells = (Cell(planes=table.own),)
        if not cells:  # nothing is feasible without the node
            cells = (Cell(planes=(None,) * len(self.placements)),)
        lookup = Lookup(cells, len(self.figures))
        others = [name for name in nodes if name != failed]
        return lookup.without(self._using(lookup, others, links)) if others or links else lookup

    def _using(
        self, lookup: Lookup, nodes: Sequence[str], links: Sequence[tuple[str, str]]
    ) -> NDArray[np.bool_]:
        """[cells, plans]: whether a plan runs on one of the nodes, or crosses a link or node."""
        gone = set(nodes)
        runs = [
            any(not gone.isdisjoint(layers.values()) for layers in placement.values())
            for placement in self.placements
        ]
        hit = [
            (link.tail, link.head) in links or bool(gone & {link.tail, link.head})
            for link in self.links
        ]
        used = np.broadcast_to(np.array(runs), lookup.planes.shape[:2]).copy()
        if any(hit) and lookup.crossings.size:  # else nothing is feasible at all
            used |= (lookup.crossings[:, :, hit] > 0).any(axis=2)
        return used

    def _down(self, down: Down) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Nodes and directed links that are down."""
        if down is None:
            return (), ()
        if isinstance(down, str) or _is_pair(down):
            down = (down,)  # type: ignore[assignment]
        if not isinstance(down, Iterable):
            raise wrong("down", down, DOWN)
        given = list(down)
        if not all(isinstance(one, str) or _is_pair(one) for one in given):
            raise wrong("down", down, DOWN)
        for name in {name for one in given for name in ((one,) if isinstance(one, str) else one)}:
            if name not in self.held:
                raise LookupError(unknown_name(name, self.held, "node"))
        nodes = tuple(sorted({one for one in given if isinstance(one, str)}))
        return nodes, tuple(sorted(self._directions({one for one in given if _is_pair(one)})))

    def _directions(self, pairs: set[Any]) -> set[tuple[str, str]]:
        """Pairs, and their way back where the link is duplex and only one direction is named."""
        duplex = {(link.tail, link.head) for link in self.links if link.duplex}
        duplex |= {(head, tail) for tail, head in duplex}
        return pairs | {pair[::-1] for pair in pairs & duplex}

    def _looked_up(self, figures: Mapping[Key, float], down: Down) -> tuple[int, float]:
        """The plan to use at a point, and its seconds."""
        lookup, point = self._lookup(down, self.routes), self._point(figures)
        position = lookup.position_at(point)
        seconds = float(lookup.values(point[None])[0, position])
        if seconds == inf:
            raise self._none_left(down)
        return position, seconds

    def _none_left(self, down: Down) -> ValueError:
        nodes, links = self._down(down)
        names = ", ".join([*nodes, *(f"{tail} -> {head}" for tail, head in links)])
        return ValueError(f"no plan of the table of {self.instance} does without {names}")

    def _point(self, figures: Mapping[Key, float]) -> Floats:
        """[1 + figures]: 1 and the coordinates."""
        known = {figure.key: figure for figure in self.figures}
        labels = ", ".join(figure.label for figure in self.figures)
        if not isinstance(figures, Mapping):
            raise wrong("figures", figures, f"a value of each of {labels}")
        for key in figures:
            if key not in known:
                raise LookupError(f"figure {key!r}, must be one of {', '.join(map(repr, known))}")
        if missing := [figure.label for figure in self.figures if figure.key not in figures]:
            raise ValueError(f"figures: {', '.join(missing)} is missing, must be all of {labels}")
        values = [self._value(figure, figures[figure.key]) for figure in self.figures]
        coordinates = [f.coordinate(value) for f, value in zip(self.figures, values, strict=True)]
        return np.array([1.0, *coordinates])

    def _value(self, figure: Figure, given: Any) -> float:
        value = number(figure.name, given)
        if not figure.low <= value <= figure.high:
            raise ValueError(f"{figure.name} = {value}, must be {figure.limits}")
        return value

    def _points(self, X: Any) -> Floats:
        """[n, 1 + figures]: 1 and the coordinates of points in the box."""
        what = f"[n, {len(self.figures)}] of values in the order of the figures"
        given = numbers("X", X, what)
        if given.ndim != 2 or given.shape[1] != len(self.figures):
            raise ValueError(f"X has shape {given.shape}, must be {what}")
        points = np.ones((len(given), 1 + len(self.figures)))
        for at, figure in enumerate(self.figures):
            column = given[:, at].astype(float)
            outside = ~((figure.low <= column) & (column <= figure.high))
            if outside.any():
                row = int(outside.argmax())
                limits = figure.limits
                raise ValueError(f"X[{row}], {figure.name} = {column[row]}, must be {limits}")
            points[:, 1 + at] = column if figure.link is None else 1 / column
        return points

    def _more_s(self, latency_s: Mapping[tuple[str, str], Any], count: int) -> Floats:
        """[n, links]: by how much a crossing of each link takes longer than in the instance."""
        if not isinstance(latency_s, Mapping) or not all(map(_is_pair, latency_s)):
            raise wrong("latency_s", latency_s, "seconds by link (from, to)")
        given = dict(latency_s)
        for pair in self._directions(set(latency_s)) - set(latency_s):
            given[pair] = latency_s[pair[::-1]]
        more = np.zeros((count, len(self.links)))
        for at, link in enumerate(self.links):
            if (link.tail, link.head) in given:
                seconds = given[link.tail, link.head]
                what = f"a number >= 0, or {count} of them"
                measured = numbers(f"latency_s of {link.tail} -> {link.head}", seconds, what)
                if measured.shape not in ((), (count,)) or not (measured >= 0).all():
                    raise wrong(f"latency_s of {link.tail} -> {link.head}", seconds, what)
                more[:, at] = measured - link.latency_s
        return more


SAMPLES = 4096
"""Points at which a plan's share of the box is counted."""

DOWN = "a node's name, a link (from, to), or a list of them"


def _room(memory_bytes: float | None) -> str:
    return "" if memory_bytes is None else in_bytes(memory_bytes)


def _is_pair(value: Any) -> bool:
    """Whether it names a link: a tuple of two names."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, str) for v in value)


def _evenly_spread(count: int, dimensions: int) -> Floats:
    """[count, dimensions]: points of the unit box, each the last plus a step, modulo 1.

    The steps are powers of the root > 1 of x^(d + 1) = x + 1 (M. Roberts' sequence R_d, 2018).
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return np.asarray((0.5 + np.arange(1, count + 1)[:, None] * steps) % 1)
