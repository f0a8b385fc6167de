"""Discrete-event simulation of a plan under streams of requests, beside the formula of waits."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from math import inf

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from splitfog.deployment.simulation.program import Program, Step, request_program
from splitfog.deployment.simulation.ways import arrivals_s
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan import GivenPlan, decision_of
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arguments import whole
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance

WARM_UP = 0.1
"""Share of the requests, the first to arrive, that are dropped."""
BATCHES = 20
FEWEST = 10
"""Requests of a batch for an interval of the mean, and beyond a percentile for one of it."""
T_QUANTILE = 2.093
"""0.975 quantile of Student's t with BATCHES - 1 = 19 degrees of freedom."""
PERCENTILES = (50, 95, 99)


class Estimate(Struct, frozen=True):
    """A figure of the kept requests, and half of its 95 % confidence interval.

    `half_width_s` None: too few requests for one.
    """

    value_s: float
    half_width_s: float | None


class Latencies(Struct, frozen=True, kw_only=True):
    """Simulated latencies of a task's kept requests, or of all, beside the formula.

    `task` None: all tasks. `requests` 0, with no figures: none of its requests was kept.
    """

    task: str | None
    requests: int
    formula_s: float
    mean: Estimate | None
    p50: Estimate | None
    p95: Estimate | None
    p99: Estimate | None

    @property
    def half_widths_off(self) -> float | None:
        """|simulated mean - formula| in half-widths; None where there is no interval."""
        if self.mean is None or self.mean.half_width_s is None:
            return None
        difference = abs(self.mean.value_s - self.formula_s)
        return difference / self.mean.half_width_s if difference > 0 else 0.0


class Simulation(Struct, frozen=True, kw_only=True):
    """What a simulation found.

    `exact`: every task makes one visit in all, so that the formula is exact and
    |simulated mean - formula| <= 3 half-widths is to be expected.
    """

    instance: str
    requests: int
    dropped: int
    seed: int
    exact: bool
    overall: Latencies
    tasks: tuple[Latencies, ...]


def simulate(
    instance: GivenInstance,
    plan: GivenPlan,
    requests: int = 100_000,
    seed: int = 0,
) -> Simulation:
    """Latencies of simulated requests under a plan, beside those of the formula.

    Every task with `arrivals_per_s` is a Poisson stream; tasks without one send nothing. A request
    goes through the program of `program`. A node serves one visit at a time, first come
    first served, each in the same time always; requests do not queue at links. A stage begins when
    its input is at home and ends when all that its nodes send back is there. A link carries what
    its slices send one visit after another, the first ready first; the closed form has every visit
    wait for all that crosses the links of its way: without waits it is never less.

    Of the requests the first 10 % to arrive are dropped. Intervals are by 20 batch means of ten
    requests or more; those of percentiles by the percentiles of the batches, where a batch has ten
    requests beyond it. Batches are taken as independent: near saturation and in short runs they
    are not, and intervals are too narrow (at rho .9 and 100,000 requests that of the 99th
    percentile holds it 4 times in 5).

    A home with `radio: serial` sends what a stage's nodes read one after another, in the order of
    their first slices, and receives what they return one after another, the first ready first;
    nodes served early already compute meanwhile. The closed form, all transfers in + the largest
    wait and service + all transfers out, lets nothing overlap: without waits it is never less.
    Radios, like links, do not queue between requests.

    Parameters
    ----------
    instance, plan
        The plan, or {task: {layer: node}}, or the paths of files; the plan's way of
        counting transfers is that of its objective.
    requests
        How many arrive in all, >= 20.
    seed
        Of arrivals; the same seed gives the same figures.

    Returns
    -------
    Simulation
        With one entry for every task that has a rate, in file order.

    Raises
    ------
    ValueError
        Where no task has a rate, or the plan has no tasks, is for another instance, or breaks a
        rule of docs/costs.md (an overloaded node or link among them: there is no steady state).

    Notes
    -----
    O(V log V) for V visits in all: 100,000 requests of several visits take a second or two.

    Examples
    --------
    >>> import splitfog as sf
    >>> instance = sf.generate("fog", seed=1, users=3, models="nin")
    >>> found = sf.simulate(instance, sf.solve(instance, "local"), requests=20_000)
    >>> found.exact, found.overall.half_widths_off <= 3
    (True, True)
    """
    instance = executed_once(instance_of(instance), "simulate")
    requests, seed = whole("requests", requests, low=BATCHES), whole("seed", seed, low=0)
    decision, objective = _feasible(instance, plan)
    rated = [i for i, task in enumerate(instance.tasks) if task.arrivals_per_s is not None]
    programs = [request_program(instance, task, decision, objective) for task in rated]
    rates = np.array([instance.tasks[task].arrivals_per_s for task in rated], np.float64)
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rates.sum(), requests))
    streams = rng.choice(len(rates), size=requests, p=rates / rates.sum())
    latencies = _run(programs, len(instance.nodes), arrivals.tolist(), streams.tolist())
    dropped = int(WARM_UP * requests)
    kept_s, kept = latencies[dropped:], streams[dropped:]
    cost = decision_cost(instance, decision, objective)
    return Simulation(
        instance=instance.name,
        requests=requests,
        dropped=dropped,
        seed=seed,
        exact=all(program.num_visits <= 1 for program in programs),
        overall=_latencies(None, kept_s, float(cost)),
        tasks=tuple(
            _latencies(instance.tasks[task].name, kept_s[kept == i], cost.tasks[task].latency_s)
            for i, task in enumerate(rated)
        ),
    )


def _feasible(instance: Instance, plan: GivenPlan) -> tuple[Decision, Objective]:
    """The plan's decision and its objective as `mean-latency`, if it can be run for ever."""
    if all(task.arrivals_per_s is None for task in instance.tasks):
        raise ValueError(
            f"{instance.name} has no task with arrivals_per_s, must have one: a simulation needs "
            "streams of requests"
        )
    described = as_plan(instance, plan)
    if described.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            "the plan is for another instance: "
            f"instance_sha256 = {described.instance_sha256}, must be {instance.sha256}"
        )
    if not described.tasks:
        raise ValueError(f"the plan (status {described.status}) places no task, must place all")
    given = described.objective
    objective = Objective("mean-latency", given.transfers, given.monotone)
    decision = decision_of(instance, described)
    if faults := decision_violations(instance, decision, objective):
        raise ValueError(f"the plan cannot be simulated: {faults[0]}")
    return decision, objective


def _run(
    programs: Sequence[Program], num_nodes: int, arrivals: list[float], streams: list[int]
) -> NDArray[np.float64]:
    """[requests]: how long each takes.

    Visits are taken in the order in which they come to their nodes; as nodes are first come first
    served, each is then known to begin at once or when its node is free. Seconds since a request's
    arrival are summed apart from the clock, so that late ones are as precise as early ones.
    """
    steps = [program.steps for program in programs]
    tails = [program.tail_s for program in programs]
    latencies = [0.0] * len(arrivals)
    at = [-1] * len(arrivals)
    """The step that a request is in."""
    returns: dict[int, list[tuple[float, int]]] = {}
    """Of requests within a stage: (served, branch) of the visits so far."""
    free = [0.0] * num_nodes
    coming: list[tuple[float, int, int, int, float]] = []
    """Visits on their way: clock at the node, number, request, branch, seconds so far."""
    number = count().__next__
    push, pop = heapq.heappush, heapq.heappop

    def advance(request: int, spent: float) -> None:
        """Begin a request's next step, or end it."""
        stream = streams[request]
        at[request] += 1
        if at[request] == len(steps[stream]):
            latencies[request] = spent + tails[stream]
            return
        step = steps[stream][at[request]]
        for position, branch in enumerate(step.branches):
            then = spent + step.delay_s + branch.arrives_s
            push(coming, (arrivals[request] + then, number(), request, position, then))

    arriving = iter(enumerate(arrivals))
    request, arrival = next(arriving)
    while coming or arrival < inf:
        if not coming or arrival <= coming[0][0]:
            advance(request, 0.0)
            request, arrival = next(arriving, (-1, inf))
            continue
        now, _, visitor, position, spent = pop(coming)
        step = steps[streams[visitor]][at[visitor]]
        branch = step.branches[position]
        if branch.service_s > 0:
            takes = max(free[branch.node] - now, 0.0) + branch.service_s
            free[branch.node] = now + takes
            spent += takes
        if len(step.branches) == 1:
            advance(visitor, spent + branch.sends_s)
            continue
        back = returns.setdefault(visitor, [])
        back.append((spent, position))
        if len(back) == len(step.branches):
            del returns[visitor]
            advance(visitor, _joined(step, back))
    return np.array(latencies)


def _joined(step: Step, returns: list[tuple[float, int]]) -> float:
    """When all that is sent back is at home: side by side but for links that are shared, or one
    after another as it is ready."""
    if step.back:
        ways = [step.back[branch] for _, branch in returns]
        return max(arrivals_s([served for served, _ in returns], ways))
    sent = [(served, step.branches[branch].sends_s) for served, branch in returns]
    if not step.serial:
        return max(served + sends for served, sends in sent)
    free, last = 0.0, 0.0
    for served, sends in sorted(sent):
        if sends > 0:
            free = max(free, served) + sends
        last = max(last, free, served)
    return last


def _latencies(task: str | None, seconds: NDArray[np.float64], formula_s: float) -> Latencies:
    """The figures of the kept requests, in order of arrival."""
    percentiles = [_percentile(seconds, percent) for percent in PERCENTILES]
    return Latencies(
        task=task,
        requests=len(seconds),
        formula_s=formula_s,
        mean=_mean(seconds),
        p50=percentiles[0],
        p95=percentiles[1],
        p99=percentiles[2],
    )


def _mean(seconds: NDArray[np.float64]) -> Estimate | None:
    if not len(seconds):
        return None
    if len(seconds) < FEWEST * BATCHES:
        return Estimate(float(seconds.mean()), None)
    means = [float(batch.mean()) for batch in np.array_split(seconds, BATCHES)]
    return Estimate(float(seconds.mean()), _half_width(means))


def _percentile(seconds: NDArray[np.float64], percent: int) -> Estimate | None:
    if not len(seconds):
        return None
    value = float(np.percentile(seconds, percent))
    if len(seconds) // BATCHES * (100 - percent) < FEWEST * 100:
        return Estimate(value, None)
    batches = np.array_split(seconds, BATCHES)
    return Estimate(value, _half_width([float(np.percentile(b, percent)) for b in batches]))


def _half_width(figures: list[float]) -> float:
    """Half of the 95 % interval of the mean of BATCHES figures taken as independent.

    At least what float sums may be off, so that it holds a figure that never varies.
    """
    spread = float(T_QUANTILE * np.std(figures, ddof=1) / np.sqrt(BATCHES))
    return max(spread, ROUNDING * float(np.mean(figures)))
