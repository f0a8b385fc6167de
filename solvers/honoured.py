"""What a solver takes of an instance and an objective; where it does not, it declines.

A solver that declares nothing is asked where models are executed once, no memory limit meets state
and placements are free. The one exception: who knows no `contiguous` is asked without it, as what
it proves then holds with it as well; a plan that turns out to be contiguous is its answer.
"""

from __future__ import annotations

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.passes import has_passes
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, Solver, SolverDeclined
from splitfog.solvers.declare import SolverInfo

INSTEAD = {"latency": "ilp", "period": "ilp"}
"""Who takes everything, by objective."""


def honoured(info: SolverInfo, solver: Solver) -> Solver:
    """The solver, asked only for what it declares to take.

    Parameters
    ----------
    info
        What it declares.
    solver
        Its function.
    """

    def solved(request: Request) -> Answer:
        instead = INSTEAD.get(request.objective.name, "auto")
        instance = request.instance
        if "passes" not in info.takes and has_passes(instance):
            reason = (
                "it knows models that are executed once, every layer of them, and "
                f"{_passes(instance)}"
            )
            raise SolverDeclined(info.name, reason, instead)
        if "state" not in info.takes and _state_matters(request):
            reason = "it does not count the state of layers (state_bytes) beside their weights"
            raise SolverDeclined(info.name, reason, instead)
        if request.objective.contiguous is None or "contiguous" in info.takes:
            return solver(request)
        return _relaxed(info, solver, request, instead)

    return solved


def _passes(instance: Instance) -> str:
    """What some task's model has, which not every solver takes."""
    models = [instance.model_of(task) for task in instance.tasks]
    model = next(model for model in models if model.passes is not None)
    if sum(model.counts) > 1:
        passes = ", ".join(f"{one.name} x {one.count}" for one in model.passes or ())
        return f"a request executes {model.name} {sum(model.counts)} times ({passes})"
    idle = model.layers[int((model.sends == 0).argmax())].name
    return f"layer {idle} of {model.name} does not run in the pass that counts"


def _state_matters(request: Request) -> bool:
    instance = request.instance
    limited = limits_memory(instance) and request.objective.name != "batch"
    return limited and any(instance.model_of(task).state_bytes.any() for task in instance.tasks)


def _relaxed(info: SolverInfo, solver: Solver, request: Request, instead: str) -> Answer:
    """The answer without `contiguous`, where it keeps to it; its bounds and proofs hold anyway."""
    free = changed(request.objective, contiguous=None)
    answer = solver(request.asked(objective=free))
    if answer.lower_bound is not None:
        request.raise_bound(answer.lower_bound)
    faults = () if answer.decision is None else request.faults_of(answer.decision)
    if faults and not answer.faults:
        reason = f"it knows no contiguous placements, and of its own {faults[0]}"
        raise SolverDeclined(info.name, reason, instead)
    return answer
