"""What an exporter is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from splitfog.deployment.splitting.given import Given
from splitfog.instances.read_only import ReadOnly


@dataclass(frozen=True)
class Asked:
    """One task's plan, to be written in some format.

    Attributes
    ----------
    given : the task and its plan.
    options : a value for every option of the format.
    of_nodes : what `--option NODE=VALUE` says, by node.
    model : the canonical model's file; None: the one beside the instance's file.
    """

    given: Given
    options: Mapping[str, Any] = field(default_factory=ReadOnly)
    of_nodes: Mapping[str, str] = field(default_factory=ReadOnly)
    model: Path | None = None

    def placement(self) -> dict[str, str]:
        """The node of every layer but the inputs, by names, in the model's order.

        Raises
        ------
        ValueError
            For a plan with stages, of which most formats know nothing.
        """
        instance, decision = self.given.alone, self.given.decision
        if decision.stages:
            raise ValueError("the plan has stages, but in this format a layer has one place")
        layers = instance.model_of(self.given.task).layers
        nodes = [instance.nodes[place].name for place in decision.placement.tolist()]
        return {
            layer.name: node
            for layer, node in zip(layers, nodes, strict=True)
            if layer.op != "input"
        }


@dataclass(frozen=True)
class Export:
    """A file's content, and lines to show to whoever asked."""

    content: bytes
    lines: tuple[str, ...] = ()
