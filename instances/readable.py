"""For readers: figures (`31.2 ms`), names on one line, HTML tables, an instance at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitfog.instances.instance import Instance
    from splitfog.instances.records import Model

MOST_ROWS = 20
"""Rows of a table in a notebook; the rest is counted."""

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def in_bytes(value: float) -> str:
    """Bytes for a reader, three digits: `602 kB`."""
    return scaled(value, "B")


def in_flop(value: float) -> str:
    """Operations for a reader: `1.43 GFLOP`."""
    return scaled(value, "FLOP")


def in_seconds(value: float) -> str:
    """Seconds for a reader: `31.2 ms`."""
    value = float(f"{value:.3g}")
    unit, name = next((u for u in _SECONDS if abs(value) >= u[0]), _SECONDS[-1])
    return f"{_digits(value / unit)} {name}" if value else "0 s"


def scaled(value: float, unit: str) -> str:
    """A figure in the unit's decimal multiple that suits it: `18.9 Mbit/s`."""
    value = float(f"{value:.3g}")
    scale, prefix = next((p for p in _PREFIXES if abs(value) >= p[0]), _PREFIXES[-1])
    return f"{_digits(value / scale)} {prefix}{unit}"


def counted(count: int, what: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """A name with what XML or a font cannot show replaced, on one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def html_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], most: int | None = None
) -> str:
    """A table of texts as HTML, everything escaped; of more rows than `most` the others counted."""
    head = "".join(f"<th>{html_text(header)}</th>" for header in headers)
    body = [
        "<tr>" + "".join(f"<td>{html_text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:most]
    ]
    if most is not None and len(rows) > most:
        body.append(f'<tr><td colspan="{len(headers)}">and {len(rows) - most} more</td></tr>')
    return "\n".join(["<table>", f"<tr>{head}</tr>", *body, "</table>"])


def html_text(text: str) -> str:
    """A text as it stands, for HTML and XML."""
    return escape(printable(text))


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"


def instance_line(instance: Instance) -> str:
    """`<Instance alexnet-4g: 1 task, 1 model of 23 layers, 3 nodes in 3 tiers, 4 links>`."""
    layers = sum(len(model.layers) for model in instance.models)
    sizes = (
        counted(len(instance.tasks), "task"),
        f"{counted(len(instance.models), 'model')} of {counted(layers, 'layer')}",
        f"{counted(len(instance.nodes), 'node')} in {counted(len(instance.tiers), 'tier')}",
        counted(len(instance.links), "link"),
    )
    return f"<Instance {printable(instance.name)}: {', '.join(sizes)}>"


def model_line(model: Model) -> str:
    """`<Model alexnet: 23 layers, 61.1 M parameters, 1.43 GFLOP>`."""
    work = in_flop(sum(layer.flops for layer in model.layers))
    weights = f"{scaled(model.parameters, '').strip()} parameters"
    layers = counted(len(model.layers), "layer")
    return f"<Model {printable(model.name)}: {layers}, {weights}, {work}>"


def instance_html(instance: Instance) -> str:
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
            in_seconds(link.latency_s),
            "both ways" if link.duplex else "one way",
        )
        for link in instance.links
    ]
    models = [
        (
            model.name,
            str(len(model.layers)),
            scaled(model.parameters, "").strip(),
            in_flop(sum(layer.flops for layer in model.layers)),
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
