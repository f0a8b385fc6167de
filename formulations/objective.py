"""What is asked for: a cost of docs/costs.md, or a rate, and how it is counted."""

from __future__ import annotations

from math import inf
from typing import Literal, get_args

from msgspec import Struct, field
from msgspec.structs import force_setattr

from splitfog.formulations.chain import chain_layers, why_no_chain
from splitfog.instances.arguments import choice, flag, text
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import written
from splitfog.instances.records import Model

ObjectiveName = Literal["latency", "makespan", "period", "mean-latency", "batch", "throughput"]
Transfers = Literal["once", "per-edge"]
Contiguous = Literal["line", "ring"]
OBJECTIVES: tuple[str, ...] = get_args(ObjectiveName)
OF_PASSES = ("latency", "period")
"""Costs that are defined for models with passes; the others know one execution only."""


RATES = ("throughput",)
"""Objectives in executions per second, of which more is better; the others are in seconds."""


def flipped(name: str, figure: float | None) -> float | None:
    """A value or bound of an objective in seconds an execution, of which less is always better.

    Rates become their reciprocals, and these rates again; other objectives are in seconds anyway.

    Parameters
    ----------
    name
        Of the objective.
    figure
        As plans state it, or in seconds.
    """
    if name not in RATES or figure is None:
        return figure
    return inf if figure == 0 else 1 / figure


class Objective(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is minimised or, of a rate, maximised, and how it is counted.

    Attributes
    ----------
    name : "latency", "makespan", "period", "mean-latency", "batch" or "throughput"
        The cost, in seconds, or the rate of executions, per second (docs/costs.md).
    transfers : "once" or "per-edge"
        Whether a tensor is paid once a link or once for every layer that reads it there.
    monotone
        Whether data never goes back to a lower tier along an edge; slices are exempt.
    pass_name
        The pass of which one execution counts; None: a whole request. In files `pass`.
    contiguous : "line", "ring" or None
        Whether a task's layers on one node must follow one another in its order, input layers left
        out; in a ring the first layer follows the last.
    partial
        Of `throughput`: whether a replica may take over within its range.
    """

    name: ObjectiveName
    transfers: Transfers = written("once")
    monotone: bool = written(True)
    pass_name: str | None = field(default=None, name="pass")
    contiguous: Contiguous | None = None
    partial: bool = False

    def __post_init__(self) -> None:
        choice("objective", self.name, OBJECTIVES)
        choice("transfers", self.transfers, get_args(Transfers))
        force_setattr(self, "monotone", flag("monotone", self.monotone))
        if self.pass_name is not None:
            text("pass", self.pass_name, "the name of a pass")
        if self.contiguous is not None:
            choice("contiguous", self.contiguous, get_args(Contiguous))
        force_setattr(self, "partial", flag("partial", self.partial))

    def __str__(self) -> str:
        edges = "" if self.transfers == "once" else ", per-edge"
        free = "" if self.monotone else ", not monotone"
        one = "" if self.pass_name is None else f", pass {self.pass_name}"
        held = "" if self.contiguous is None else f", contiguous in a {self.contiguous}"
        within = ", partial" if self.partial else ""
        return f"{self.name}{one}{edges}{free}{held}{within}"


def objective_for(
    instance: Instance,
    wanted: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool = False,
) -> Objective:
    """The objective asked for; by default `latency`, with two tasks or more `mean-latency`.

    An `Objective` stands for itself.

    Raises
    ------
    ValueError
        For an unknown name, and for a cost that the instance or the way of counting excludes; where
        none is asked for, for a model of which only `throughput` is known.
    """
    if wanted is None:
        _require_times(instance)
        wanted = "latency" if len(instance.tasks) == 1 else "mean-latency"
    if not isinstance(wanted, Objective):
        wanted = Objective(
            name=wanted,  # type: ignore[arg-type]
            transfers=transfers,  # type: ignore[arg-type]
            monotone=monotone,
            pass_name=pass_name,
            contiguous=contiguous,  # type: ignore[arg-type]
            partial=partial,
        )
    if wanted.transfers == "per-edge" and wanted.name not in ("latency", "mean-latency"):
        raise ValueError(f"transfers = 'per-edge', must be once for the objective {wanted.name}")
    if wanted.name == "makespan" and len(instance.tasks) != 1:
        raise ValueError(
            f"objective = 'makespan' needs exactly one task, but {instance.name} has "
            f"{len(instance.tasks)}"
        )
    if wanted.partial and wanted.name != "throughput":
        raise ValueError(f"partial = true, must be false for the objective {wanted.name}")
    if wanted.name == "throughput":
        _require_chain(instance)
    _require_passes(instance, wanted)
    return wanted


def _require_times(instance: Instance) -> None:
    """Refuse a model that says how often ranges run, and not what any of its layers takes."""
    for model in map(instance.model_of, instance.tasks):
        timed = any(layer.flops or layer.traffic_bytes or layer.times_s for layer in model.layers)
        if model.stage_rates and not timed:
            raise ValueError(
                f"objective = none, must be told: model {model.name} has stage_rates, and nothing "
                "that a layer takes; --objective throughput asks for what these rates allow"
            )


def _require_chain(instance: Instance) -> None:
    """Refuse what has no throughput: several tasks, branches, results on the way, no layers."""
    if len(instance.tasks) != 1:
        raise ValueError(
            f"objective = 'throughput' needs exactly one task, but {instance.name} has "
            f"{len(instance.tasks)}"
        )
    model = instance.model_of(instance.tasks[0])
    needs = "objective = 'throughput' needs a chain of layers whose only result is its end, but "
    if (why := why_no_chain(model)) is not None:
        raise ValueError(needs + why)
    if not chain_layers(model):
        raise ValueError(f"{needs}model {model.name} has an input layer only")
    if model.results.sum() > 1:
        early = model.layers[int(model.results.argmax())].name
        raise ValueError(f"{needs}layer {early} of model {model.name} is marked as a result")


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
                f"execution of a pass has {' and '.join(OF_PASSES)} only, and "
                f"splitfog edit --one-pass {wanted.pass_name} makes an instance of it"
            )
        if not is_one_execution(model):
            executed = ", ".join(f"{one.name} x {one.count}" for one in model.passes or ())
            raise ValueError(
                f"objective = {wanted.name!r} needs models of one pass of count 1 in which every "
                f"layer runs, but {model.name} has {executed}; {' and '.join(OF_PASSES)} are "
                "defined for passes, and splitfog edit --one-pass makes one of them"
            )


def is_one_execution(model: Model) -> bool:
    """Whether a request executes a model once, every layer of it.

    Parameters
    ----------
    model
        A task's.
    """
    return model.passes is None or (model.counts == (1,) and bool(model.runs.all()))
