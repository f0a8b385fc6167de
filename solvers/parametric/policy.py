"""`policy`: every break point of the optimal plan over a link's bandwidth or a node's speed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from math import nextafter
from typing import Any

from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.parametric.parameter import (
    Line,
    LinkBandwidth,
    NodeSpeed,
    Parameter,
    latency_line,
)
from splitfog.formulations.parametric.policy_table import Policy, PolicyPiece
from splitfog.formulations.parametric.route_flips import route_flips, wavering_route
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.arguments import entries, number, text, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Solver, SolverDeclined
from splitfog.solvers.parametric.envelope import Envelope, OracleAnswer, lower_envelope
from splitfog.solvers.parametric.oracles import Oracle, exact_oracle

ORACLES = ("min-cut", "chain-dp", "ilp")
"""Exact for `latency`, fastest first; the next is tried where one does not apply."""


def policy(
    instance: GivenInstance,
    *,
    link: tuple[str, str] | None = None,
    low_bps: float | None = None,
    high_bps: float | None = None,
    node: str | None = None,
    low_flops: float | None = None,
    high_flops: float | None = None,
    objective: str | Objective = "latency",
    transfers: str = "once",
    monotone: bool = True,
    oracle: str | Solver | None = None,
) -> Policy:
    """The optimal plan at every bandwidth of a link, or every speed of a node, in a range.

    Parameters
    ----------
    instance
        Whose other figures stay as they are; or the path of its file.
    link, low_bps, high_bps
        The link (from, to) and its range in bit/s, both ends included. A duplex link's directions
        change together.
    node, low_flops, high_flops
        Instead of a link: a node and the range of its speed in FLOP/s. Layers with `times_s` there
        do not depend on it.
    objective, transfers, monotone
        Only `latency` is linear in 1 / bandwidth; of several tasks it is the mean.
    oracle
        The exact solver to ask, by name or as a function from `Request` to `Answer`; None: the
        first of `ORACLES` that applies.

    Returns
    -------
    Policy
        With status infeasible or unknown, and no pieces, where there is no plan.

    Raises
    ------
    SolverDeclined
        For another objective, and where no oracle applies.
    ValueError, LookupError
        For a range, link or node that makes no sense.

    Notes
    -----
    The range is cut wherever a route flips; the latency may jump there. On each part the optimum
    is the lower envelope of the plans' lines alpha + beta / value, found by Eisner and Severance's
    recursion: with n >= 1 break points at most 2n + 1 calls of the oracle. Plans within 1e-12
    relative of the envelope may be missing from it (and within the oracle's own gap: `gap`).
    Where two routes over the link tie but for the rounding of their sums, no table can follow the
    route; the status then is feasible and `reason` names them.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> table = policy(generate("three-tier"), link=("device", "edge0"), low_bps=1e5, high_bps=1e9)
    >>> table.plan_at(1e6).placement("task0")["conv1"]
    'device'
    """
    started = time.perf_counter()
    instance = executed_once(instance_of(instance), "a policy")
    objective = objective_for(instance, objective, transfers, monotone)
    if objective.name != "latency":
        reason = f"{objective.name} is not linear in 1 / bandwidth or 1 / speed, only latency is"
        raise SolverDeclined("policy", reason)
    bandwidth, speed = (low_bps, high_bps), (low_flops, high_flops)
    parameter, low, high = _parameter(instance, link, node, bandwidth, speed)
    if oracle is not None and not isinstance(oracle, str) and not callable(oracle):
        raise wrong("oracle", oracle, "the name of an exact solver, or a function")
    claims: dict[str, Any] = {
        "instance": instance.name,
        "instance_sha256": instance.sha256,
        "objective": objective,
        "link": (parameter.tail, parameter.head) if isinstance(parameter, LinkBandwidth) else None,
        "node": node,
        "unit": parameter.unit,
        "low": low,
        "high": high,
    }
    claims |= _solved(_Sweep(instance, objective, parameter, oracle), low, high)
    return Policy(**claims, runtime_s=time.perf_counter() - started)


PAIR = "a pair of node names (from, to)"
Ends = tuple[float | None, float | None]


def _parameter(
    instance: Instance, link: tuple[str, str] | None, node: str | None, bps: Ends, flops: Ends
) -> tuple[Parameter, float, float]:
    """What varies, and its range."""
    if (link is None) == (node is None):
        raise ValueError("link and node: exactly one must be given")
    parameter: Parameter
    if link is not None:
        given = entries("link", link, PAIR)
        if len(given) != 2 or not all(isinstance(end, str) for end in given):
            raise wrong("link", link, PAIR)
        parameter, ends, unit = LinkBandwidth(*given), bps, "bps"
    else:
        parameter, ends, unit = NodeSpeed(text("node", node, "a node's name")), flops, "flops"
    others = flops if link is not None else bps
    if any(end is None for end in ends) or any(end is not None for end in others):
        raise ValueError(f"the range of the {parameter.name} must be low_{unit} and high_{unit}")
    low = number(f"low_{unit}", ends[0], above=0)
    high = number(f"high_{unit}", ends[1], above=0)
    if not low < high:
        raise ValueError(f"range low = {low:g}, must be < high = {high:g} {parameter.unit}")
    parameter.check(instance)
    return parameter, low, high


TIE = "the policy holds for the route at the lower end of each part"


class _NoPlan(Exception):
    """There is no plan at some value, and so (feasibility does not depend on it) at none."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class _Sweep:
    """The problem, and the oracles that were used on the way."""

    def __init__(
        self,
        instance: Instance,
        objective: Objective,
        parameter: Parameter,
        oracle: str | Solver | None,
    ) -> None:
        self.instance, self.objective, self.parameter = instance, objective, parameter
        self.candidates: tuple[str | Solver, ...] = ORACLES if oracle is None else (oracle,)
        self.used: dict[str, None] = {}

    def parts(self, low: float, high: float) -> Iterator[tuple[float, float, float]]:
        """(from, up to, last float before) of every part within which no route changes."""
        flips: tuple[float, ...] = ()
        if isinstance(self.parameter, LinkBandwidth):
            flips = route_flips(self.instance, self.parameter, low, high)
        ends = [low, *flips, high]
        for start, end in pairwise(ends):
            yield start, end, end if end == high else nextafter(end, 0)

    def wavering(self, low: float, last: float) -> tuple[str, str] | None:
        """A pair of nodes whose route follows nothing but rounding within a part."""
        if isinstance(self.parameter, NodeSpeed):
            return None
        return wavering_route(self.instance, self.parameter, low, last)

    def envelope(self, low: float, last: float) -> Envelope[Decision]:
        """The envelope over 1 / value of one part, by the first oracle that applies."""
        passed = []
        for solver in self.candidates:
            name = solver if isinstance(solver, str) else getattr(solver, "__name__", "oracle")
            try:
                oracle = exact_oracle(
                    solver, self.instance, self.objective, self.parameter, (low, last)
                )
                found = self._ask(oracle, low, last)
            except SolverDeclined as declined:
                passed.append(f"{name} does not apply: {declined.reason}")
            except _NoPlan as stuck:
                if stuck.answer.infeasible or solver == self.candidates[-1]:
                    raise
                passed.append(f"{name} found no plan: {stuck.answer.reason}")
            else:
                self.used[name] = None
                return found
        raise SolverDeclined("policy", f"no exact oracle applies ({'; '.join(passed)})")

    def _ask(self, oracle: Oracle, low: float, last: float) -> Envelope[Decision]:
        base = self.parameter.at(self.instance, low)
        lines: dict[tuple[bytes, ...], Line] = {}  # half of the answers are known plans

        def ask(reciprocal: float) -> OracleAnswer[Decision]:
            answer = oracle(min(max(1 / reciprocal, low), last))
            if answer.decision is None:
                raise _NoPlan(answer)
            key = tuple(task.placement.tobytes() for task in answer.decision.tasks)
            if key not in lines:
                lines[key] = latency_line(base, answer.decision, self.objective, self.parameter)
            return OracleAnswer(lines[key], answer.decision, answer.lower_bound)

        return lower_envelope(ask, 1 / last, 1 / low)


def _solved(sweep: _Sweep, low: float, high: float) -> dict[str, Any]:
    """Status, pieces and statistics of a policy."""
    pieces: list[PolicyPiece] = []
    asked, gaps = 0, []
    wavering: tuple[str, str] | None = None
    try:
        for start, end, last in sweep.parts(low, high):
            wavering = wavering or sweep.wavering(start, last)
            envelope = sweep.envelope(start, last)
            pieces += _pieces(sweep, envelope, start, end)
            asked += envelope.asked
            gaps.append(envelope.gap)
    except _NoPlan as stuck:
        status = "infeasible" if stuck.answer.infeasible else "unknown"
        return {"status": status, "reason": stuck.answer.reason}
    known = [gap for gap in gaps if gap is not None]
    gap = max(known) if len(known) == len(gaps) else None
    proven = gap is not None and gap <= OPTIMALITY_GAP and wavering is None
    ends = "" if wavering is None else f"{wavering[0]} -> {wavering[1]}"
    return {
        "status": "optimal" if proven else "feasible",
        "reason": f"two routes {ends} tie but for rounding; {TIE}" if ends else None,
        "gap": gap,
        "oracle": ", ".join(sweep.used),
        "asked": asked,
        "pieces": tuple(_merged(pieces)),
    }


def _pieces(
    sweep: _Sweep, envelope: Envelope[Decision], start: float, end: float
) -> Iterator[PolicyPiece]:
    """The pieces of a part by rising value; its ends are given, not 1 / (1 / value)."""
    last = len(envelope.pieces) - 1
    for position, piece in enumerate(reversed(envelope.pieces)):
        line: Line = piece.found.line
        yield PolicyPiece(
            low=start if position == 0 else 1 / piece.high,
            high=end if position == last else 1 / piece.low,
            alpha_s=line.alpha_s,
            beta=line.beta,
            placement=_placement(sweep.instance, piece.found.thing),
        )


def _placement(instance: Instance, decision: Decision) -> dict[str, dict[str, str]]:
    names = [node.name for node in instance.nodes]
    return {
        task.name: {
            layer.name: names[node]
            for layer, node in zip(
                instance.model_of(task).layers, answer.placement.tolist(), strict=True
            )
        }
        for task, answer in zip(instance.tasks, decision.tasks, strict=True)
    }


def _merged(pieces: list[PolicyPiece]) -> Iterator[PolicyPiece]:
    """Neighbours on the same line become one: a route that flips there is not theirs."""
    held: PolicyPiece | None = None
    for piece in pieces:
        if held is None:
            held = piece
        elif (held.alpha_s, held.beta) == (piece.alpha_s, piece.beta):
            held = changed(held, high=piece.high)
        else:
            yield held
            held = piece
    if held is not None:
        yield held
