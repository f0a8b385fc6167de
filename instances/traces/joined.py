"""Traces put to an instance: what they say that it has not, and all their figures together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from splitfog.instances.arguments import entries, record
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import nearest
from splitfog.instances.read_only import ReadOnly
from splitfog.instances.traces.defects import figure_name
from splitfog.instances.traces.records import Key
from splitfog.instances.traces.steps import StepFunction
from splitfog.instances.traces.trace import Trace

GivenTraces = Trace | Sequence[Trace]
"""One trace, or several that give different figures."""

MOST_KNOWN = 8


def joined(traces: GivenTraces, instance: Instance) -> Mapping[Key, StepFunction]:
    """All figures of an instance that traces vary, as functions of time.

    Parameters
    ----------
    traces
        Each has its own duration and end.
    instance
        Whose links and nodes they name.

    Returns
    -------
    mapping
        From ("link", from, to, quantity) or ("node", name, quantity).

    Raises
    ------
    InstanceError
        Listing all `trace_defects`.
    """
    listed = traces_of(traces)
    if defects := trace_defects(listed, instance):
        raise InstanceError(listed[0].name if len(listed) == 1 else "traces", defects)
    figures: dict[Key, StepFunction] = {}
    for trace in listed:
        figures |= trace.figures
    return ReadOnly(figures)


def traces_of(traces: GivenTraces) -> tuple[Trace, ...]:
    """A trace or several as a tuple."""
    what = "a Trace or a list of them"
    listed = (traces,) if isinstance(traces, Trace) else entries("trace", traces, what)
    return tuple(record("trace", trace, Trace, what) for trace in listed)


def trace_defects(traces: GivenTraces, instance: Instance) -> list[str]:
    """What traces say that an instance has not, and figures given twice, in sentences.

    Parameters
    ----------
    traces, instance
        As for `joined`. Sentences of several traces begin with the trace's name.

    Returns
    -------
    list of str
        Empty where all is well.
    """
    listed = traces_of(traces)
    links = _directions(instance)
    found = []
    first: dict[Key, str] = {}
    for trace in listed:
        for i, series in enumerate(trace.series):
            where = f"series[{i}]"
            at = f"{trace.name}: {where}" if len(listed) > 1 else where
            wrong = [
                *_node_defects(series.node, f"{at}.node", instance),
                *_link_defects(series.link, series.directions, at, links, instance),
            ]
            again = next((key for key in series.keys if key in first), None)
            if not wrong and again is not None:
                told = f"{figure_name(again)} as {first[again]} does"
                wrong.append(f"{at} gives {told}, must be given once")
            found += wrong
            for key in series.keys:
                first.setdefault(key, where if len(listed) == 1 else f"{where} of {trace.name}")
    return found


def _directions(instance: Instance) -> dict[tuple[str, str], bool]:
    """Every pair that a link joins in that direction, and whether the link is duplex."""
    links = {(link.tail, link.head): link.duplex for link in instance.links}
    return links | {(link.head, link.tail): True for link in instance.links if link.duplex}


def _node_defects(name: str | None, path: str, instance: Instance) -> Iterator[str]:
    if name is not None and name not in instance.node_index:
        yield f"{path} = {shown(name)}, must be a node ({_known(name, list(instance.node_index))})"


def _link_defects(
    pair: tuple[str, str] | None,
    directions: str,
    path: str,
    links: Mapping[tuple[str, str], bool],
    instance: Instance,
) -> Iterator[str]:
    if pair is None:
        return
    strangers = [
        defect for k in (0, 1) for defect in _node_defects(pair[k], f"{path}.link[{k}]", instance)
    ]
    yield from strangers
    if strangers:
        return
    if pair not in links:
        names = [f"{tail} -> {head}" for tail, head in links]
        known = _known(" -> ".join(pair), names)
        yield f"{path}.link = {shown(pair)}, must be a link ({known})"
    elif directions == "both" and not links[pair]:
        yield (
            f'{path}.directions = "both", must be "forward": the link {pair[0]} -> {pair[1]} is '
            "one-way"
        )


def _known(name: str, names: Sequence[str]) -> str:
    """The nearest of some names, and the first of them."""
    near = nearest(name, names)
    hint = "" if near is None else f"did you mean {near!r}? "
    return f"{hint}{', '.join(names[:MOST_KNOWN])}{', ...' if len(names) > MOST_KNOWN else ''}"
