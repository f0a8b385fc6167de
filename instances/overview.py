"""An instance at a glance: in a line, and as the tables of a notebook."""

from __future__ import annotations

from typing import Protocol

from splitfog.instances.readable import (
    MOST_ROWS,
    counted,
    html_table,
    html_text,
    in_bytes,
    in_flop,
    in_seconds,
    printable,
    scaled,
)
from splitfog.instances.records import Link, Model, Node, Task


class Shown(Protocol):
    """What there is to see of an instance."""

    @property
    def name(self) -> str: ...
    @property
    def tiers(self) -> tuple[str, ...]: ...
    @property
    def nodes(self) -> tuple[Node, ...]: ...
    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def models(self) -> tuple[Model, ...]: ...
    @property
    def tasks(self) -> tuple[Task, ...]: ...


def instance_line(instance: Shown) -> str:
    """`<Instance alexnet-4g: 1 task, 1 model of 23 layers, 3 nodes in 3 tiers, 4 links>`."""
    layers = sum(len(model.layers) for model in instance.models)
    sizes = (
        counted(len(instance.tasks), "task"),
        f"{counted(len(instance.models), 'model')} of {counted(layers, 'layer')}",
        f"{counted(len(instance.nodes), 'node')} in {counted(len(instance.tiers), 'tier')}",
        counted(len(instance.links), "link"),
    )
    return f"<Instance {printable(instance.name)}: {', '.join(sizes)}>"


def instance_html(instance: Shown) -> str:
    """Nodes, links, models and tasks as tables, the first rows of each."""
    nodes = [
        (
            node.name,
            node.tier,
            scaled(node.speed_flops, "FLOP/s"),
            "no limit" if node.memory_bytes is None else in_bytes(node.memory_bytes),
        )
        for node in instance.nodes
    ]
    links = [
        (
            link.tail,
            link.head,
            scaled(link.bandwidth_bps, "bit/s"),
            in_seconds(link.lag_s),
            "both ways" if link.duplex else "one way",
        )
        for link in instance.links
    ]
    models = [
        (
            model.name,
            str(len(model.layers)),
            scaled(model.parameters, "").strip(),
            in_flop(sum(model.flops.tolist())),
        )
        for model in instance.models
    ]
    tasks = [
        (
            task.name,
            task.model,
            task.source or "",
            task.results_to or "",
            "" if task.arrivals_per_s is None else f"{task.arrivals_per_s:.3g}",
        )
        for task in instance.tasks
    ]
    tables = (
        (("node", "tier", "speed", "memory"), nodes),
        (("from", "to", "bandwidth", "latency", "directions"), links),
        (("model", "layers", "parameters", "work"), models),
        (("task", "model", "source", "results to", "arrivals per s"), tasks),
    )
    shown = [html_table(headers, rows, MOST_ROWS) for headers, rows in tables]
    title = html_text(instance_line(instance).strip("<>"))
    return "\n".join(["<div>", f"<p>{title}</p>", *shown, "</div>"])
