"""What a solver is given and what it gives back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from math import inf
from typing import Any, Protocol, Self

from splitfog.formulations.audit import Audit
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import ProvenOver, StoppedBy
from splitfog.instances.instance import Instance
from splitfog.instances.read_only import ReadOnly
from splitfog.instances.records import changed
from splitfog.solvers.found import Found
from splitfog.solvers.progress import Progress
from splitfog.solvers.verdicts import Verdicts

SMALL = 20_000
"""Tasks times nodes."""
CLOSING_S = 0.2
"""After the deadline, for what makes a plan known better: an audit, a bound, a second opinion."""


def is_strict() -> bool:
    """Whether a wrong answer shall raise instead of being corrected: SPLITFOG_STRICT is set."""
    return bool(os.environ.get("SPLITFOG_STRICT"))


def failure(solver: str, error: Exception) -> str:
    """What a reason says of a solver that was asked in a further step and raised."""
    return f"{solver} failed ({type(error).__name__}: {error})"


class SolverDeclined(ValueError):
    """The solver does not apply to this instance or objective.

    Attributes
    ----------
    solver
        Its name.
    reason
        Why it does not apply.
    instead
        A solver that does; None: none is known.
    """

    def __init__(self, solver: str, reason: str, instead: str | None = None) -> None:
        self.solver, self.reason, self.instead = solver, reason, instead
        super().__init__(f"{solver} does not apply: {self.why}")

    @property
    def why(self) -> str:
        """The reason, and who applies: for where the solver's name stands beside it."""
        return f"{self.reason}; {self.instead} applies" if self.instead else self.reason

    def __reduce__(self) -> tuple[type, tuple[str, str, str | None]]:
        return SolverDeclined, (self.solver, self.reason, self.instead)


class WrongAnswer(RuntimeError):
    """A solver returned an infeasible decision or a bound that is none: a bug in it."""


@dataclass(frozen=True, eq=False)
class Request:
    """One call of a solver: the problem and its limits; nobody changes it.

    What the solver has on its way is offered to it: a decision by `offer`, a bound by
    `raise_bound`. Both are kept in `found`, which a copy by `dataclasses.replace` begins anew.
    Its `clock` is the only one that a solver looks at, so that all of them mean the same moment.
    """

    instance: Instance
    objective: Objective
    _: KW_ONLY
    time_limit_s: float | None = None
    seed: int = 0
    start: Decision | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    clock: Callable[[], float] = time.perf_counter
    found: Found = field(init=False, repr=False)
    verdicts: Verdicts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", ReadOnly(self.options))
        object.__setattr__(self, "found", Found(progress=Progress(self.started)))
        object.__setattr__(self, "verdicts", Verdicts(self.instance, self.objective))

    def told(self, **more: Any) -> Self:
        """The same call with another start or time limit: what either finds, both have found."""
        copy = self.asked(**more)
        object.__setattr__(copy, "found", self.found)
        return copy

    def asked(self, **more: Any) -> Self:
        """A call of its own, with other limits; both check a plan of the same problem once.

        Parameters
        ----------
        **more
            Other fields.
        """
        copy = changed(self, **more)
        if copy.instance is self.instance and copy.objective == self.objective:
            object.__setattr__(copy, "verdicts", self.verdicts)
        return copy

    @property
    def incumbent(self) -> Decision | None:
        """The best feasible decision offered so far."""
        return self.found.decision

    @property
    def incumbent_value(self) -> float:
        """Seconds that it costs; inf where there is none."""
        return self.found.value

    @property
    def lower_bound(self) -> float | None:
        """The greatest bound so far."""
        return self.found.lower_bound

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call."""
        return self.clock() - self.started

    @property
    def deadline(self) -> Deadline:
        """When the call must end, for what does not know requests; never without a time limit."""
        limit = inf if self.time_limit_s is None else self.time_limit_s
        return Deadline(self.started + limit, self.clock)

    def part(self, share: float) -> Deadline:
        """When a share of the time left is over; never without a time limit."""
        return Deadline(self.clock() + share * self.remaining_s, self.clock)

    @property
    def closing(self) -> Deadline:
        """Until when an answer may still be audited, bounded and looked at by others."""
        return Deadline(self.deadline.moment + CLOSING_S, self.clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left of the time limit; inf without one."""
        return self.deadline.remaining_s

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit is reached."""
        return self.deadline.is_over

    @property
    def is_late(self) -> bool:
        """Whether the time for that is over, too, on an instance where it is not soon done."""
        return self.closing.is_over and not self.is_small

    @property
    def is_small(self) -> bool:
        """Whether bounds and audits take a moment only, and so are always worth it."""
        return len(self.instance.tasks) * len(self.instance.nodes) <= SMALL

    def value_of(self, decision: Decision) -> float:
        """Seconds that a decision costs, feasible or not; inf where it is impossible."""
        return float(self.verdicts.cost(decision))

    def faults_of(self, decision: Decision) -> tuple[str, ...]:
        """Sentences on every rule that a decision breaks; empty: it is feasible."""
        return self.verdicts.faults(decision)

    def verdicts_on(self, part: Instance) -> Verdicts:
        """The verdicts on a part of the instance, the same ones where that is all of it."""
        return self.verdicts if part is self.instance else Verdicts(part, self.objective)

    def offer(self, decision: Decision) -> bool:
        """Keep a decision if it is feasible and the best so far; what an interrupt leaves."""
        value = self.value_of(decision)
        better = value < self.incumbent_value and not self.faults_of(decision)
        if better:
            self.found.keep(decision, value)
        return better

    def offer_all(self, decisions: Iterable[Decision]) -> bool:
        """Offer all of them; whether one is the best so far."""
        return any([self.offer(decision) for decision in decisions])

    def raise_bound(self, bound: float) -> bool:
        """Keep a bound in seconds if it is the greatest so far; whether it is."""
        return self.found.raise_bound(bound)


@dataclass(frozen=True)
class Answer:
    """What a solver gives back.

    `decision` None with `infeasible` is a proof that there is none; without, none was found.
    `lower_bound` must be valid for the objective; None where the solver knows none. `proven_over`
    says for which plans both hold; None: for those among which the solver declares to look.
    """

    decision: Decision | None
    lower_bound: float | None = None
    _: KW_ONLY
    infeasible: bool = False
    stopped_by: StoppedBy = "finished"
    reason: str | None = None
    audit: Audit | None = None
    proven_over: ProvenOver | None = None
    solver: str | None = None
    """Who found it, where a solver chose among others."""
    faults: tuple[str, ...] = ()
    """Why what was found is no decision for the instance: a wrong answer."""


class Solver(Protocol):
    """The function that `SolverInfo.entry` names."""

    def __call__(self, request: Request) -> Answer:
        """Solve, or raise `SolverDeclined`."""
        ...


def timely(solver: Solver) -> Solver:
    """A solver that answers with the best that it has offered where something finds the time up."""

    def solved(request: Request) -> Answer:
        try:
            return solver(request)
        except TimeIsUp as late:
            best, bound = request.incumbent, request.lower_bound
            return Answer(best, bound, stopped_by="time limit", reason=str(late))

    return solved
