"""What is minimised: a cost of docs/costs.md and how it is counted."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct, field
from msgspec.structs import force_setattr

from splitfog.instances.arguments import choice, flag, text
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import written
from splitfog.instances.records import Model

ObjectiveName = Literal["latency", "makespan", "period", "mean-latency", "batch"]
Transfers = Literal["once", "per-edge"]
Contiguous = Literal["line", "ring"]
OBJECTIVES: tuple[str, ...] = get_args(ObjectiveName)
OF_PASSES = ("latency", "period")
"""Costs that are defined for models with passes; the others know one execution only."""


class Objective(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is minimised, and how it is counted.

    Attributes
    ----------
    name : "latency", "makespan", "period", "mean-latency" or "batch"
        The cost, in seconds (docs/costs.md).
    transfers : "once" or "per-edge"
        Whether a tensor is paid once a link or once for every layer that reads it there.
    monotone
        Whether data never goes back to a lower tier along an edge; slices are exempt.
    pass_name
        The pass of which one execution counts; None: a whole request. In files `pass`.
    contiguous : "line", "ring" or None
        Whether a task's layers on one node must follow one another in its order, input layers left
        out; in a ring the first layer follows the last.
    """

    name: ObjectiveName
    transfers: Transfers = written("once")
    monotone: bool = written(True)
    pass_name: str | None = field(default=None, name="pass")
    contiguous: Contiguous | None = None

    def __post_init__(self) -> None:
        choice("objective", self.name, OBJECTIVES)
        choice("transfers", self.transfers, get_args(Transfers))
        force_setattr(self, "monotone", flag("monotone", self.monotone))
        if self.pass_name is not None:
            text("pass", self.pass_name, "the name of a pass")
        if self.contiguous is not None:
            choice("contiguous", self.contiguous, get_args(Contiguous))

    def __str__(self) -> str:
        edges = "" if self.transfers == "once" else ", per-edge"
        free = "" if self.monotone else ", not monotone"
        one = "" if self.pass_name is None else f", pass {self.pass_name}"
        held = "" if self.contiguous is None else f", contiguous in a {self.contiguous}"
        return f"{self.name}{one}{edges}{free}{held}"


def objective_for(
    instance: Instance,
    wanted: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
    pass_name: str | None = None,
    contiguous: str | None = None,
) -> Objective:
    """The objective asked for; by default `latency`, with two tasks or more `mean-latency`.

    An `Objective` stands for itself.

    Raises
    ------
    ValueError
        For an unknown name, and for a cost that the instance or the way of counting excludes.
    """
    if wanted is None:
        wanted = "latency" if len(instance.tasks) == 1 else "mean-latency"
    if not isinstance(wanted, Objective):
        wanted = Objective(wanted, transfers, monotone, pass_name, contiguous)  # type: ignore[arg-type]
    if wanted.transfers == "per-edge" and wanted.name not in ("latency", "mean-latency"):
        raise ValueError(f"transfers = 'per-edge', must be once for the objective {wanted.name}")
    if wanted.name == "makespan" and len(instance.tasks) != 1:
        raise ValueError(
            f"objective = 'makespan' needs exactly one task, but {instance.name} has "
            f"{len(instance.tasks)}"
        )
    _require_passes(instance, wanted)
    return wanted


def _require_passes(instance: Instance, wanted: Objective) -> None:
    """Refuse a pass that a model lacks, and passes where only one execution has a cost."""
    models = list(dict.fromkeys(instance.model_of(task).name for task in instance.tasks))
    for model in [instance.models[instance.model_index[name]] for name in models]:
        names = [one.name for one in model.passes or ()]
        if wanted.pass_name is not None and wanted.pass_name not in names:
            known = f"must be one of {', '.join(names)}" if names else "which lists no passes"
            raise ValueError(f"pass = {wanted.pass_name!r} of model {model.name}, {known}")
        if wanted.name in OF_PASSES:
            continue
        if wanted.pass_name is not None:
            raise ValueError(
                f"pass = {wanted.pass_name!r}, must be null for the objective {wanted.name}: one "
                f"execution of a pass has {' and '.join(OF_PASSES)} only"
            )
        if not is_one_execution(model):
            executed = ", ".join(f"{one.name} x {one.count}" for one in model.passes or ())
            raise ValueError(
                f"objective = {wanted.name!r} needs models of one pass of count 1 in which every "
                f"layer runs, but {model.name} has {executed}; {' and '.join(OF_PASSES)} are "
                "defined for passes"
            )


def is_one_execution(model: Model) -> bool:
    """Whether a request executes a model once, every layer of it.

    Parameters
    ----------
    model
        A task's.
    """
    return model.passes is None or (model.counts == (1,) and bool(model.runs.all()))
