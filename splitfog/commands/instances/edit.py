"""`splitfog edit`: an instance with other figures, or without some nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.shell import (
    DONE,
    instance_name,
    node_pair,
    number,
    put,
    require_writable,
    say,
)

if TYPE_CHECKING:
    from splitfog.instances.instance import Instance

NODE_FIELDS = {
    "speed": "speed_flops",
    "overhead": "overhead_s",
    "memory": "memory_bytes",
    "quota": "quota",
}
TASK_FIELDS = {
    "deadline": "deadline_s",
    "rate": "arrivals_per_s",
    "source": "source",
    "results-to": "results_to",
}
NAMES = ("source", "results-to")
"""Options whose values are names of nodes; those of the others are numbers."""

EXAMPLES = (
    "splitfog edit alexnet.json --link device,edge0=8e6,0.002 -o slow.json",
    "splitfog edit alexnet.json --speed edge0=5e10 -o fast.json",
)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="NEW", help="instance file to write")
    ],
    link: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM,TO=BIT/S[,S[,S]]", help="bandwidth (or a network preset), latency, delay"
        ),
    ] = None,
    speed: Annotated[
        list[str] | None, typer.Option(metavar="NODE=FLOP/S", help="of layers without times")
    ] = None,
    overhead: Annotated[
        list[str] | None, typer.Option(metavar="NODE=S", help="on top of such a layer")
    ] = None,
    memory: Annotated[
        list[str] | None, typer.Option(metavar="NODE=BYTES", help="for weights, or none")
    ] = None,
    quota: Annotated[
        list[str] | None, typer.Option(metavar="NODE=COUNT", help="of foreign subtasks, or none")
    ] = None,
    deadline: Annotated[
        list[str] | None, typer.Option(metavar="[TASK=]S", help="of a request, or none")
    ] = None,
    rate: Annotated[
        list[str] | None, typer.Option(metavar="[TASK=]PER_S", help="of arrivals, or none")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="[TASK=]NODE", help="where data are born")
    ] = None,
    results_to: Annotated[
        list[str] | None, typer.Option(metavar="[TASK=]NODE", help="where results go, or none")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NODE", help="a node that goes, after the rest")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="A,B[,...]", help="layers that are on one node")
    ] = None,
    one_pass: Annotated[
        str | None,
        typer.Option(
            metavar="PASS", help="one execution of it, or of `all` passes, is a request; done last"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="of the new instance  [default: NEW]")
    ] = None,
) -> int:
    """Write an instance with other figures.

    Every option may be repeated; without TASK= it holds for all tasks. A duplex link changes both
    ways, one of two one-way links its own; a link that is not there is added.
    """
    from splitfog.formulations.one_execution import one_execution
    from splitfog.instances.changes import lasting, without_nodes
    from splitfog.instances.files import load_instance, save_instance
    from splitfog.instances.records import changed

    nodes = {"speed": speed, "overhead": overhead, "memory": memory, "quota": quota}
    tasks = {"deadline": deadline, "rate": rate, "source": source, "results-to": results_to}
    asked = {"link": link, **nodes, **tasks, "without": without, "group": group}
    asked["one-pass"] = None if one_pass is None else [one_pass]
    if not any(asked.values()):
        raise ValueError(f"nothing to change, must be told by --{', --'.join(asked)}")
    require_writable(output)
    given = load_instance(file)
    made = _with_links(given, link or [])
    made = _with_nodes(made, nodes)
    made = _with_tasks(made, tasks)
    if without:
        made = without_nodes(made, without)
    made = _with_groups(made, group or [])
    if one_pass is not None:
        made = one_execution(made, one_pass)
    changes = [f"--{option} {text}" for option, texts in asked.items() for text in texts or ()]
    origin = {"instance": given.name, "instance_sha256": given.sha256, "changes": changes}
    meta = {**lasting(made), "edited": origin}
    made = changed(made, name=instance_name(output, name), meta=meta)
    save_instance(made, output)
    put(f"{output}\n")
    return DONE


def _with_links(instance: Instance, texts: list[str]) -> Instance:
    """The instance with what every FROM,TO=BANDWIDTH[,LATENCY_S[,DELAY_S]] says of a link.

    A preset goes up from FROM to TO and down from TO to FROM; a number is one link's.
    """
    from splitfog.instances.generators.presets import NETWORKS

    form = (
        f"FROM,TO=BIT/S[,LATENCY_S[,DELAY_S]], a number or one of {', '.join(NETWORKS)} for BIT/S"
    )
    before, named = _ways(instance), set()
    for ends, figures in _told("--link", texts, form).items():
        tail, head = node_pair(instance, ends, "--link")
        kind, *seconds = figures.split(",", 2)
        fields: dict[str, Any] = {
            name: number(text, f"--link {ends}", form)
            for name, text in zip(("latency_s", "delay_s"), seconds, strict=False)
        }
        named.add((tail, head))
        if kind in NETWORKS:
            preset = NETWORKS[kind]
            fields = {"latency_s": preset.latency_s, "delay_s": preset.delay_s, **fields}
            ways = ((tail, head, preset.uplink_bps), (head, tail, preset.downlink_bps))
            for start, end, bandwidth in ways:
                fields["bandwidth_bps"] = bandwidth
                instance = instance.with_link(start, end, directions="forward", **fields)
                named.add((start, end))
        else:
            fields["bandwidth_bps"] = number(kind, f"--link {ends}", form)
            instance = instance.with_link(tail, head, **fields)
    _say_ways(before, named)
    return instance


def _say_ways(before: dict[tuple[str, str], int], named: set[tuple[str, str]]) -> None:
    """Warn where a link is new, and where only one of two one-way links was meant to change."""
    for tail, head in sorted(named):
        own, back = before.get((tail, head)), before.get((head, tail))
        if own is None:
            say(f"{tail} -> {head}: there was no link, one is added")
        elif back not in (None, own) and (head, tail) not in named:
            say(f"{head} -> {tail} is a link of its own, which stays as it is")


def _ways(instance: Instance) -> dict[tuple[str, str], int]:
    """Which link of the file goes from one node to another."""
    ways = {}
    for position, link in enumerate(instance.links):
        ways[link.tail, link.head] = position
        if link.duplex:
            ways[link.head, link.tail] = position
    return ways


def _with_nodes(instance: Instance, asked: dict[str, list[str] | None]) -> Instance:
    from splitfog.instances.lookup import look_up

    changes: dict[str, dict[str, Any]] = {}
    for option, texts in asked.items():
        form = f"NODE=a number{' or none' if option in ('memory', 'quota') else ''}"
        for node, text in _told(f"--{option}", texts, form).items():
            look_up(instance.node_index, node, "node")
            changes.setdefault(node, {})[NODE_FIELDS[option]] = _value(option, text, form)
    for node, fields in changes.items():
        instance = instance.with_node(node, **fields)
        if fields.keys() & {"speed_flops", "overhead_s"}:
            _say_measured(instance, node)
    return instance


def _say_measured(instance: Instance, name: str) -> None:
    """Warn where a layer's time is measured, so that it stays whatever the node's speed is."""
    node = instance.nodes[instance.node_index[name]]
    layers = [layer for model in instance.models for layer in model.layers]
    measured = sum(not layer.times_s.keys().isdisjoint((name, node.tier)) for layer in layers)
    if measured:
        say(f"{name}: {measured} of {len(layers)} layers have measured times there, which stay")


def _with_tasks(instance: Instance, asked: dict[str, list[str] | None]) -> Instance:
    from splitfog.instances.changes import with_tasks

    changes: dict[str, dict[str, Any]] = {}
    for option, texts in asked.items():
        form = f"[TASK=]{'a node' if option in NAMES else 'a number'} or none"
        told = _told(f"--{option}", texts, form, of_all=True)
        for key, text in sorted(told.items()):  # what holds for all comes first
            for task in [key] if key else [task.name for task in instance.tasks]:
                changes.setdefault(task, {})[TASK_FIELDS[option]] = _value(option, text, form)
    return with_tasks(instance, changes) if changes else instance


def _with_groups(instance: Instance, texts: list[str]) -> Instance:
    """The instance of one model with layers on one node, and with them those of their groups."""
    from splitfog.instances.changes import model_named
    from splitfog.instances.importers.ties import tied
    from splitfog.instances.lookup import look_up
    from splitfog.instances.records import changed

    for text in texts:
        model = model_named(instance, None)
        names = [name.strip() for name in text.split(",")]
        if len(set(names)) < 2:
            raise ValueError(f"--group = {text!r}, must be A,B: two layers or more")
        for name in names:
            if model.layers[look_up(model.index, name, "layer")].op == "input":
                raise ValueError(f"--group = {text!r}: {name} is an input, which is at its source")
        made = tied(model, dict.fromkeys(names, text))
        others = [own if own.name != model.name else made for own in instance.models]
        instance = changed(instance, models=tuple(others))
    return instance


def _told(option: str, texts: list[str] | None, form: str, of_all: bool = False) -> dict[str, str]:
    """What an option says of every name, KEY=VALUE; under "" what it says of all."""
    told: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.rpartition("=")
        if not value or bool(key) != bool(equals) or not (key or of_all):
            raise ValueError(f"{option} = {text!r}, must be {form}")
        if key in told:
            raise ValueError(f"{option} says of {key or 'all'} twice, must say it once")
        told[key] = value
    return told


def _value(option: str, text: str, form: str) -> str | float | None:
    if text == "none":
        return None
    return text if option in NAMES else number(text, f"--{option}", form)
