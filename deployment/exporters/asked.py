"""What an exporter is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.splitting.given import Given
from splitfog.instances.lookup import look_up


@dataclass(frozen=True)
class Asked:
    """One task's plan, to be written in some format.

    Attributes
    ----------
    given : the task and its plan.
    options : by name, as texts.
    model : the canonical model's file; None: the one beside the instance's file.
    """

    given: Given
    options: Mapping[str, str]
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

    def devices(self) -> dict[str, str]:
        """What the options `NODE=DEVICE` say.

        Raises
        ------
        LookupError
            For a name that no node has.
        """
        nodes = self.given.alone.node_index
        for name in self.options:
            look_up(nodes, name, "node")
        return dict(self.options)


@dataclass(frozen=True)
class Export:
    """A file's content, and lines to show to whoever asked."""

    content: bytes
    lines: tuple[str, ...] = ()
