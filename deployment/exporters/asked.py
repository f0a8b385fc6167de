"""What an exporter is asked, and what it answers."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from splitfog.deployment.splitting.given import Given
from splitfog.formulations.costs.feasibility import nodes_of
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

    def __post_init__(self) -> None:
        for node, name in self.of_nodes.items():
            if not name or any(sign.isspace() or sign == "," for sign in name):
                raise ValueError(
                    f"option {node} = {name!r}, must be a text without blanks and commas"
                )

    def placement(self) -> dict[str, str]:
        """The node of every layer but the inputs, by names, in the model's order.

        Raises
        ------
        ValueError
            For a plan with stages or replicas, of which most formats know nothing.
        """
        instance, decision = self.given.alone, self.given.decision
        if decision.stages:
            raise ValueError("the plan has stages, but in this format a layer has one place")
        places = {}
        for position, layer in enumerate(instance.model_of(self.given.task).layers):
            nodes = [instance.nodes[place].name for place in nodes_of(decision, position)]
            if layer.op == "input":
                continue
            if len(nodes) != 1:
                raise ValueError(
                    f"layer {layer.name} is on {' and '.join(nodes) or 'no node'}, "
                    "but in this format a layer has one place"
                )
            places[layer.name] = nodes[0]
        return places

    def called(self, node: str) -> str:
        """What a node is called in the other program; by default as it is here."""
        return self.of_nodes.get(node, node)

    def told(self, node: str, what: str, example: str) -> str:
        """What a node is called there, which must be said.

        Raises
        ------
        ValueError
            Where it is not; `what` it is and an example stand in the error.
        """
        if node not in self.of_nodes:
            raise ValueError(
                f"node {node} has no {what}: give one, as in --option {node}={example}"
            )
        return self.of_nodes[node]

    def listens(self, node: str, form: str, example: str) -> list[str]:
        """Host and ports of a node, which must be said.

        Raises
        ------
        ValueError
            Where they are not, or are not of the form, `HOST:PORT` with as many ports as are told.
        """
        address = self.told(node, "address", example)
        count = form.count(":")
        host, *ports = address.rsplit(":", count)
        if not host or len(ports) < count or not all(map(_is_port, ports)):
            raise ValueError(f"{node} = {address!r}, must be {form}, with ports from 1 to 65535")
        return [host, *ports]

    def unlike(self, nodes: Iterable[str]) -> list[str]:
        """What some nodes are called, each otherwise.

        Raises
        ------
        ValueError
            Where two nodes are called the same.
        """
        whose: dict[str, str] = {}
        for node in nodes:
            other = whose.setdefault(self.called(node), node)
            if other != node:
                raise ValueError(f"nodes {other} and {node} are both called {self.called(node)!r}")
        return list(whose)

    def needed(self, option: str, example: str) -> Any:
        """An option of the format that must be given: its default is None.

        Raises
        ------
        ValueError
            Where it is not.
        """
        if self.options[option] is None:
            raise ValueError(f"{option} is missing: give it, as in --option {option}={example}")
        return self.options[option]


@dataclass(frozen=True)
class Export:
    """A file's content, and lines to show to whoever asked."""

    content: bytes
    lines: tuple[str, ...] = ()


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 1 << 16


def comment(text: str) -> str:
    """A line that a shell ignores."""
    return f"# {' '.join(text.split())}\n"


def commands(lines: Iterable[tuple[str, list[str]]]) -> bytes:
    """Options of commands, each line as a shell reads it, below a comment.

    Parameters
    ----------
    lines
        A comment and the words of every command.
    """
    return "".join(f"{comment(text)}{shlex.join(words)}\n" for text, words in lines).encode()
