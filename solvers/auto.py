"""`auto`: chooses a solver and says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from splitfog.formulations.bounds.choice import slices_matter
from splitfog.formulations.deadline import TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import OPTIMALITY_GAP, ProvenOver
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined, failure, is_strict
from splitfog.solvers.chains.pipeline import is_best_of_all
from splitfog.solvers.claims import claim_of
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.exact.brute_force import num_placements
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from splitfog.solvers.registry import load_solver, parse_options, solver_info

POLYNOMIAL = {"latency": ("min-cut", "chain-dp"), "batch": ("offload-assignment",)}
"""Exact and polynomial where they apply; tried in this order."""

EXACT = {
    "latency": ("pipeline", "ilp"),
    "period": ("pipeline", "ilp"),
    "makespan": ("cp-sat",),
    "throughput": ("replicas",),
    "mean-latency": ("brute-force",),
}
"""Exact with a bound when the time is over; `brute-force` up to `MOST_ENUMERATED` placements,
`pipeline` where what it proves is proven of all placements allowed."""

MOST_ENUMERATED = 5_000
"""Placements that are tried one by one before a heuristic is asked: a second or two."""

HEURISTIC = {
    "latency": ("evolution",),
    "period": ("evolution",),
    "makespan": ("evolution",),
    "throughput": (),
    "mean-latency": ("dina", "evolution"),
}
"""Where nothing exact applies or ends in time; the next where one finds no plan."""

SLICING: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "latency": {"vsm": {"helpers": "all"}, "d3": {}},
    "mean-latency": {"dina": {}},
}
"""Who looks at plans with slices, where the placements are settled or there are none: with these
options. `vsm` slices the best placement over all nodes, `d3` partitions anew for each tier's."""

MOST_SLICED = 1_000_000
"""Up to this `slicing_size` they are asked for `latency`: up to about two seconds."""

DEFAULT_TIME_LIMIT_S = 60.0
"""For the exponential solvers, where the caller sets no limit."""

EXACT_SHARE = 0.75
"""Of the time limit; what an exponential solver has not proven then, a heuristic goes on with."""


def solve_auto(request: Request) -> Answer:
    """The answer of the first that applies: exact and polynomial, then exact, then heuristic.

    A polynomial solver that ends without a plan (its cut ignores memory) hands over to the exact
    ones. What these have not proven in three quarters of the time, a heuristic goes on with from
    their plan: the answer is the better plan with the best bound of all. Where an objective is
    `latency` in disguise (`as_latency`) the solvers of that are asked. The plan names the solver
    that found it, and its `reason` says why that was chosen.

    Placements are not the last word where slices may do better: `SLICING` go on from the best of
    them, for `latency` up to `MOST_SLICED`; where they are proven infeasible, these are asked for a
    plan. A plan with slices is taken where it is cheaper by more than what counts as optimal, and
    the reason says what was proven of placements.

    A solver that fails in a later step is named in the reason, and loses nothing.
    """
    answer = _chosen(request)
    if _interrupted(answer) or not slices_matter(request.instance, request.objective):
        return answer
    if answer.infeasible:
        return _sliced_instead(request, answer)
    return answer if answer.decision is None else _with_slices(request, answer)


def _chosen(request: Request) -> Answer:
    """The answer of the first that applies."""
    choice = _Choice(request)
    for name, objective in _candidates(request, POLYNOMIAL):
        answer = choice.ask(name, objective, request.time_limit_s)
        if answer is None:
            continue
        if answer.decision is not None or answer.infeasible or _interrupted(answer):
            return choice.concluded(
                name, answer, f"exact and polynomial{_same(request, objective)}"
            )
        choice.notes.append(f"{name} found no plan: {answer.reason}")
    limit = DEFAULT_TIME_LIMIT_S if request.time_limit_s is None else request.time_limit_s
    for name, objective in _candidates(request, EXACT):
        if name == "brute-force" and num_placements(request.instance) > MOST_ENUMERATED:
            continue
        if name == "pipeline" and not is_best_of_all(request.instance, objective):
            continue
        answer = choice.ask(name, objective, EXACT_SHARE * limit)
        if answer is not None and choice.is_open(answer):
            if name == "pipeline":  # a bound and a plan, from which the next goes on
                continue
            return choice.continued(name, answer, limit)
        if answer is not None:
            return choice.concluded(name, answer, f"exact{_same(request, objective)}")
    return choice.searched()


def _with_slices(request: Request, answer: Answer) -> Answer:
    """The better of an answer and of what those who slice make of it."""
    slicing = SLICING.get(request.objective.name, {})
    if not slicing or solver_info(answer.solver or "").answers == "slices":
        return answer
    if _is_best_of_all(request, answer):
        return changed(answer, proven_over="all")
    if unasked := _why_unasked(request, " and ".join(slicing)):
        return changed(answer, reason=f"{answer.reason}; {unasked}")
    choice, best, stopped = _Choice(request), answer, answer.stopped_by
    settled = f"{request.incumbent_value:.6g} s, {_settled(request, answer)}"
    for name in slicing:
        found = choice.ask(name, request.objective, request.time_limit_s)
        if found is not None and choice.improved:
            best = changed(found, solver=name)
        if found is not None and _interrupted(found):
            stopped = found.stopped_by
            break
    if best is answer:
        unbeaten = f"{' and '.join(slicing)}, asked for slices, found none better"
        reasons = [str(answer.reason), *choice.notes, unbeaten]
        return changed(answer, reason="; ".join(reasons), stopped_by=stopped)
    beaten = f"with slices it beats the placements of {answer.solver} ({settled})"
    reasons = [f"auto chose {best.solver}: {beaten}", *choice.notes]
    reasons += [] if best.reason is None else [best.reason]
    return changed(best, reason="; ".join(reasons), stopped_by=stopped)


def _is_best_of_all(request: Request, answer: Answer) -> bool:
    """Whether no plan with slices beats a proven best placement by what counts."""
    claim = claim_of(answer, answer.solver or "")
    if request.objective.name != "latency" or not claim.is_proof_of(request.incumbent_value):
        return False
    try:
        bound = sliced_latency_bound(request.instance, request.objective, request.closing)
    except TimeIsUp:
        return False
    return changed(claim, lower_bound=bound).is_proof_of(request.incumbent_value)


def _settled(request: Request, answer: Answer) -> str:
    """What is known of the best of an answer's placements."""
    proven = claim_of(answer, answer.solver or "").is_proof_of(request.incumbent_value)
    return "optimal over placements" if proven else "the best found"


def _why_unasked(request: Request, names: str) -> str:
    """Why nobody is asked for slices; empty where somebody is."""
    if request.out_of_time:
        return f"no time was left to ask {names} for slices"
    size = slicing_size(request.instance)
    if request.objective.name == "latency" and size > MOST_SLICED:
        what = f"{size:,} layers x nodes x rows, more than {MOST_SLICED:,}"
        return f"{names}, which look for slices, are asked by name only ({what})"
    return ""


def slicing_size(instance: Instance) -> int:
    """Layers x nodes x rows of the largest output, of all tasks: what looking for slices takes."""
    size = 0
    for task in instance.tasks:
        layers = instance.model_of(task).layers
        shapes = [layer.output_shape for layer in layers if layer.output_shape]
        rows = max((shape[1] for shape in shapes if len(shape) == 3), default=0)
        size += len(layers) * len(instance.nodes) * rows
    return size


def _sliced_instead(request: Request, answer: Answer) -> Answer:
    """A plan with slices where there is no placement; else the answer, with who was asked."""
    choice = _Choice(request)
    for name in SLICING.get(request.objective.name, {}):
        found = choice.ask(name, request.objective, request.time_limit_s)
        if found is not None and found.decision is not None:
            why = f"slices, as no placement is feasible ({answer.reason})"
            return changed(choice.concluded(name, found, why), lower_bound=found.lower_bound)
        if found is not None:
            choice.notes.append(f"{name} found no plan with slices: {found.reason}")
    return changed(answer, reason="; ".join([str(answer.reason), *choice.notes]))


def _unproven(name: str, answer: Answer) -> str:
    """What a solver is, and that it proved nothing; of time only where that is why it ended."""
    what = "exact" if solver_info(name).kind == "exact" else "a heuristic with a bound"
    missed = "found neither a plan nor a proof" if answer.decision is None else "proved no optimum"
    return f"{what}, but it {missed}{' in time' if answer.stopped_by == 'time limit' else ''}"


def as_latency(instance: Instance, objective: Objective) -> Objective | None:
    """The `latency` that an objective is equal to on an instance, if any.

    `makespan` where the model is a chain whose only result is its end; `mean-latency` where no
    task has a rate and no node a quota.
    """
    latency = changed(objective, name="latency")
    if objective.name == "latency":
        return latency
    if objective.name == "makespan":
        model = instance.model_of(instance.tasks[0])
        order: list[int] = model.order.tolist()
        follows = [(after,) for after in order[1:]] + [()]
        is_chain = [model.consumers[layer] for layer in order] == follows
        return latency if is_chain and model.results.sum() == 1 else None
    rated = any(task.arrivals_per_s is not None for task in instance.tasks)
    limited = any(node.quota is not None for node in instance.nodes)
    return latency if objective.name == "mean-latency" and not rated and not limited else None


@dataclass
class _Choice:
    """The way to the answer: what was asked, why it was passed over, the best bound so far."""

    request: Request
    notes: list[str] = field(default_factory=list)
    improved: bool = False
    """Whether the last one asked has a better plan than all before."""
    failures: dict[str, Exception] = field(default_factory=dict)
    """Exceptions of solvers, by what the notes say of them."""
    over: ProvenOver | None = None
    """Of which plans the best bound so far is one: those of the solver that found it."""

    def ask(self, name: str, objective: Objective, limit_s: float | None) -> Answer | None:
        """A solver's answer, its plan offered and its bound kept; None if it has none to give."""
        info = solver_info(name)
        inner = self._inner(info, objective, limit_s)
        try:
            answer = load_solver(info)(inner)
        except SolverDeclined as declined:
            self.notes.append(f"{name} does not apply: {declined.reason}")
            return None
        except KeyboardInterrupt:
            answer = Answer(inner.incumbent, inner.lower_bound, stopped_by="interrupted")
        except Exception as error:
            if is_strict():
                raise
            self.notes.append(failure(name, error))
            self.failures[self.notes[-1]] = error
            return None
        if answer.decision is None and inner.incumbent is not None:
            answer = changed(answer, decision=inner.incumbent)
        request = self.request
        self.improved = False
        if objective.name != "batch" and answer.decision is not None:
            self.improved = self._offered(answer.decision)
        bound = answer.lower_bound
        if bound is not None and request.raise_bound(bound):
            self.over = claim_of(answer, answer.solver or name).over
        return answer

    def _offered(self, decision: Decision) -> bool:
        """Whether a decision is the best so far; with slices only by more than is proven at most.

        A proof over placements does not speak of slices: it is not given up for a rounding error.
        """
        request, best = self.request, self.request.incumbent_value
        sliced = any(task.stages for task in decision.tasks)
        if sliced and request.value_of(decision) >= best * (1 - OPTIMALITY_GAP):
            return False
        return request.offer(decision)

    def _inner(self, info: SolverInfo, objective: Objective, limit_s: float | None) -> Request:
        """The request for one solver, from the best plan and bound so far on."""
        request, known = self.request, self.request.found
        is_same = objective == request.objective
        inner = request.asked(
            objective=objective,
            time_limit_s=limit_s,
            start=(is_same and known.decision) or request.start,
            options=parse_options(info, SLICING.get(objective.name, {}).get(info.name, {})),
        )
        if known.lower_bound is not None:
            inner.raise_bound(known.lower_bound)
        if is_same and known.decision is not None:
            inner.found.keep(known.decision, known.value)
        inner.found.progress = known.progress  # its values are those of the objective asked for
        return inner

    def is_open(self, answer: Answer) -> bool:
        """Whether an exact solver left something to be done."""
        if answer.infeasible or _interrupted(answer):
            return False
        bound, value = self.request.lower_bound, self.request.incumbent_value
        if bound is None or self.request.incumbent is None:
            return True
        return value - bound > OPTIMALITY_GAP * value

    def concluded(self, name: str, answer: Answer, why: str) -> Answer:
        """The answer, with why its solver was chosen; of a proof that there is none, no more."""
        notes = self.failures if answer.infeasible else self.notes
        own = [] if answer.reason is None else [answer.reason]
        reason = "; ".join([f"auto chose {name}: {why}", *notes, *own])
        over = answer.proven_over if answer.infeasible else self.over or answer.proven_over
        bound = self.request.lower_bound
        return changed(answer, reason=reason, solver=name, lower_bound=bound, proven_over=over)

    def continued(self, exact: str, answer: Answer, limit_s: float) -> Answer:
        """A heuristic's turn after an exact solver: the better plan, the best bound."""
        request, before = self.request, self.request.incumbent_value
        unproven = _unproven(exact, answer)
        for name in HEURISTIC[request.objective.name]:
            found = self.ask(name, request.objective, limit_s)
            if found is None:
                continue
            last = found if _interrupted(found) else answer
            ended = changed(last, decision=request.incumbent, reason=None)
            if request.incumbent_value < before:
                self.notes.append(f"{exact}, asked first, is {unproven}")
                return self.concluded(name, ended, "a heuristic, whose plan is the best found")
            self.notes.append(f"{name}, asked next, found none better")
            return self.concluded(exact, ended, unproven)
        return self.concluded(exact, answer, unproven)

    def searched(self) -> Answer:
        """A heuristic's answer where nothing exact applies; what failed, if there is no plan."""
        request = self.request
        for name in HEURISTIC.get(request.objective.name, ()):
            found = self.ask(name, request.objective, request.time_limit_s)
            if found is None:
                continue
            last = name == HEURISTIC[request.objective.name][-1]
            if found.decision is not None or last or _interrupted(found):
                why = f"a heuristic, as nothing exact is known here for {request.objective.name}"
                return self.concluded(name, found, why)
            self.notes.append(f"{name} found no plan: {found.reason}")
        if self.failures:
            raise next(reversed(self.failures.values()))
        known = "; ".join(self.notes) or "none is known"
        return Answer(None, reason=f"no solver for {request.objective.name} has a plan ({known})")


def _candidates(
    request: Request, table: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, Objective]]:
    """Solvers of a table with the objective to ask for: first `latency` where it is the same."""
    same = as_latency(request.instance, request.objective)
    if same is not None:
        yield from ((name, same) for name in table.get("latency", ()))
    if same != request.objective:
        yield from ((name, request.objective) for name in table.get(request.objective.name, ()))


def _interrupted(answer: Answer) -> bool:
    return answer.stopped_by == "interrupted"


def _same(request: Request, objective: Objective) -> str:
    """Said where another objective than the one asked for was minimised."""
    if objective == request.objective:
        return " here"
    return f" here, where {request.objective.name} is the same as {objective.name}"
