"""What is minimised: a cost of docs/costs.md and how it is counted."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import force_setattr

from splitfog.instances.arguments import choice, flag
from splitfog.instances.instance import Instance

ObjectiveName = Literal["latency", "makespan", "period", "mean-latency", "batch"]
Transfers = Literal["once", "per-edge"]
OBJECTIVES: tuple[str, ...] = get_args(ObjectiveName)


class Objective(Struct, frozen=True, forbid_unknown_fields=True):
    """What is minimised, and how it is counted.

    Attributes
    ----------
    name : "latency", "makespan", "period", "mean-latency" or "batch"
        The cost, in seconds (docs/costs.md).
    transfers : "once" or "per-edge"
        Whether a tensor is paid once a link or once for every layer that reads it there.
    monotone
        Whether data never goes back to a lower tier along an edge; slices are exempt.
    """

    name: ObjectiveName
    transfers: Transfers = "once"
    monotone: bool = True

    def __post_init__(self) -> None:
        choice("objective", self.name, OBJECTIVES)
        choice("transfers", self.transfers, get_args(Transfers))
        force_setattr(self, "monotone", flag("monotone", self.monotone))

    def __str__(self) -> str:
        edges = "" if self.transfers == "once" else ", per-edge"
        return f"{self.name}{edges}{'' if self.monotone else ', not monotone'}"


def objective_for(
    instance: Instance,
    wanted: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
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
        wanted = Objective(wanted, transfers, monotone)  # type: ignore[arg-type]
    if wanted.transfers == "per-edge" and wanted.name not in ("latency", "mean-latency"):
        raise ValueError(f"transfers = 'per-edge', must be once for the objective {wanted.name}")
    if wanted.name == "makespan" and len(instance.tasks) != 1:
        raise ValueError(
            f"objective = 'makespan' needs exactly one task, but {instance.name} has "
            f"{len(instance.tasks)}"
        )
    return wanted
