"""Changes of a fog as `repair` takes them: a node fails or returns, a link changes, a user arrives
or leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from splitfog.instances.arguments import brief, flag, plain, wrong
from splitfog.instances.changes import lasting
from splitfog.instances.defects import InstanceError, value_defects
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Link, Node, Task, changed
from splitfog.solvers.repair.outages import (
    with_link_down,
    with_link_up,
    with_node_down,
    with_node_up,
)

Change = Mapping[str, Any]
"""One change: `{"node": "fog1", "up": False}`, as `FORMS` lists them."""

Changes = Change | Sequence[Change]

FORMS = (
    '{"node": name, "up": False}, {"node": name or Node, "up": True, "links": [Link, ...]}, '
    '{"link": [from, to], "bandwidth_bps": ..., "latency_s": ..., "delay_s": ...}, '
    '{"link": [from, to], "up": False or True}, {"task": Task, "arrives": True} or '
    '{"task": name, "leaves": True}'
)

LINK_FIGURES = ("bandwidth_bps", "latency_s", "delay_s")
"""What of a link may change while it is there."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "node": ("up", "links"),
    "link": (*LINK_FIGURES, "directions", "up"),
    "task": ("arrives", "leaves"),
}
"""What a change of each kind may say beside what it is about."""


def listed(changes: Changes) -> tuple[Change, ...]:
    """The changes of one or of a list, each of a known kind and with known keys.

    Raises
    ------
    ValueError
        Naming the change and what is wrong with it.
    """
    given = [changes] if isinstance(changes, Mapping) else changes
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise wrong("changes", changes, f"one or a list of {FORMS}")
    for position, change in enumerate(given):
        at = "changes" if given[0] is changes else f"changes[{position}]"
        _require_form(at, change)
    return tuple(given)


def _require_form(at: str, change: Any) -> None:
    kinds = [kind for kind in KEYS if isinstance(change, Mapping) and kind in change]
    if len(kinds) != 1:
        raise ValueError(f"{at} = {brief(change)}, must be one of {FORMS}")
    allowed = KEYS[kinds[0]]
    for key in change:
        if key not in allowed and key != kinds[0]:
            known = ", ".join((kinds[0], *allowed))
            raise ValueError(f"{at} has the key {key!r}, must be one of {known}")
    {"node": _require_node, "link": _require_link, "task": _require_task}[kinds[0]](at, change)


def _require_node(at: str, change: Change) -> None:
    if "up" not in change:
        raise ValueError(f'{at} lacks "up", must be True or False')
    is_up = flag(f"{at}.up", change["up"])
    if not isinstance(change["node"], str) and not is_up:
        raise wrong(f"{at}.node", change["node"], "the name of a node")
    if "links" in change and isinstance(change["node"], str):
        raise ValueError(f"{at}.links: only a new node, given as a Node, brings links along")


def _require_link(at: str, change: Change) -> None:
    ends = plain(change["link"])
    if not (isinstance(ends, tuple) and len(ends) == 2 and all(isinstance(e, str) for e in ends)):
        raise wrong(f"{at}.link", change["link"], "two names of nodes, [from, to]")
    figures = [key for key in change if key != "link"]
    if "up" in change:
        flag(f"{at}.up", change["up"])
        if len(figures) > 1:
            raise ValueError(f'{at}: "up" stands alone, without {", ".join(figures)}')
    elif not set(figures) & set(LINK_FIGURES):
        raise ValueError(f"{at} says nothing of the link, must give {' or '.join(LINK_FIGURES)}")


def _require_task(at: str, change: Change) -> None:
    if ("arrives" in change) == ("leaves" in change):
        raise ValueError(f'{at} must say either "arrives": True or "leaves": True')
    key = "arrives" if "arrives" in change else "leaves"
    if flag(f"{at}.{key}", change[key]) is not True:
        raise wrong(f"{at}.{key}", change[key], "True")
    if key == "leaves" and not isinstance(change["task"], str):
        raise wrong(f"{at}.task", change["task"], "the name of a task")


def applied(instance: Instance, change: Change) -> Instance:
    """The instance after a change, checked.

    Raises
    ------
    LookupError
        For nodes and tasks that are unknown.
    ValueError
        For what cannot be: a task's source goes, a node is down already, no task is left.
    InstanceError
        For figures and tasks that no file may hold.
    """
    if "node" in change:
        return _with_node(instance, change)
    if "link" in change:
        return _with_link(instance, change)
    if "arrives" in change:
        return _with_task(instance, change["task"])
    return _without_task(instance, change["task"])


def _with_node(instance: Instance, change: Change) -> Instance:
    node = change["node"]
    if isinstance(node, str):
        return (with_node_up if change["up"] else with_node_down)(instance, node)
    own = _record(instance, node, Node, f"nodes[{len(instance.nodes)}]")
    if own.name in instance.node_index:
        raise ValueError(f"node {own.name} is up already")
    first = len(instance.links)
    links = tuple(
        _record(instance, link, Link, f"links[{first + at}]")
        for at, link in enumerate(plain(change.get("links", ())))
    )
    nodes, links = (*instance.nodes, own), (*instance.links, *links)
    return changed(instance, nodes=nodes, links=links, meta=lasting(instance))


def _with_link(instance: Instance, change: Change) -> Instance:
    tail, head = plain(change["link"])
    if "up" in change:
        return (with_link_up if change["up"] else with_link_down)(instance, tail, head)
    ends = tuple(look_up(instance.node_index, end, "node") for end in (tail, head))
    if ends not in {(link.tail, link.head) for link in instance.directed_links}:
        raise ValueError(f"there is no link {tail} -> {head}")
    return instance.with_link(tail, head, **{k: own for k, own in change.items() if k != "link"})


def _with_task(instance: Instance, task: Any) -> Instance:
    own = _record(instance, task, Task, f"tasks[{len(instance.tasks)}]")
    return changed(instance, tasks=(*instance.tasks, own), meta=lasting(instance))


def _without_task(instance: Instance, name: str) -> Instance:
    look_up({task.name: task for task in instance.tasks}, name, "task")
    rest = tuple(task for task in instance.tasks if task.name != name)
    if not rest:
        raise ValueError(f"task {name} is the only one, one must stay")
    return changed(instance, tasks=rest, meta=lasting(instance))


def _record(instance: Instance, given: Any, kind: Any, path: str) -> Any:
    """A record, or what a file says of one."""
    if isinstance(given, kind):
        return given
    data = {key: plain(own) for key, own in given.items()} if isinstance(given, Mapping) else given
    if wrong := value_defects(data, kind, path):
        raise InstanceError(instance.name, wrong)
    return msgspec.convert(data, kind)
