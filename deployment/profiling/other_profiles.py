"""Other programs' profiles as times of layers: `splitfog import times`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from splitfog.deployment.profiling.layer_work import layer_work
from splitfog.deployment.profiling.runtime_profile import (
    LEAST_RUN_S,
    LEAST_RUNS,
    read_runtime_profile,
)
from splitfog.deployment.profiling.trtexec import (
    Fused,
    is_one,
    layers_of,
    parts_of,
    read_trtexec,
)
from splitfog.instances.defects import InstanceError
from splitfog.instances.records import Model
from splitfog.instances.times import LayerTime, Work

FORMS = ("trtexec", "onnxruntime")


@dataclass(frozen=True)
class OtherTimes:
    """Times of layers, and what is of none.

    Attributes
    ----------
    times : in the order of the profile.
    unknown : seconds by a name that means no layer of the model.
    """

    times: tuple[LayerTime, ...]
    unknown: Mapping[str, float]


def read_profile(
    content: bytes, origin: str, form: str, place: str, model: Model | None = None
) -> OtherTimes:
    """The times in a profile of ONNX Runtime or of `trtexec`.

    Parameters
    ----------
    content
        Of the file: ONNX Runtime's with `enable_profiling`, `trtexec --exportProfile`.
    origin
        What errors call it.
    form
        One of `FORMS`.
    place
        The node or tier that was measured.
    model
        Whose layers they are; None: names stand as they are, and a fused layer's time at its first.

    Raises
    ------
    InstanceError
        Where the file is wrong, or none of its names is a layer of the model.
    ValueError
        For another form.
    """
    if form not in FORMS:
        raise ValueError(f"form = {form!r}, must be one of {', '.join(FORMS)}")
    read = _of_trtexec if form == "trtexec" else _of_runtime
    found = read(content, origin, place, model)
    if model is not None and not found.times:
        names = ", ".join(list(found.unknown)[:3])
        raise InstanceError(
            origin, [f"none of its names ({names}, ...) is a layer of {model.name}"]
        )
    return found


def _of_runtime(content: bytes, origin: str, place: str, model: Model | None) -> OtherTimes:
    """Medians over the runs, by the clock; the first, which warms up, counts where it is alone."""
    profile = read_runtime_profile(content, origin).warm()
    middle = {name: median(own) for name, own in profile.seconds.items()}
    sure = profile.runs >= LEAST_RUNS and sum(middle.values()) >= LEAST_RUN_S
    work = _work(model)
    times = []
    for name, seconds in middle.items():
        low, high = np.percentile(profile.seconds[name], (25, 75))
        if model is None or name in work:
            times.append(
                LayerTime(
                    model=None if model is None else model.name, layer=name, place=place,
                    seconds=seconds, spread_s=float(high - low), reliable=sure, work=work.get(name),
                )
            )  # fmt: skip
    strangers = {
        name: own for name, own in middle.items() if model is not None and name not in work
    }
    return OtherTimes(tuple(times), strangers)


def _of_trtexec(content: bytes, origin: str, place: str, model: Model | None) -> OtherTimes:
    fused = read_trtexec(content, origin)
    work = _work(model)
    made = {each.name: parts_of(each.name) for each in fused}
    if model is not None:
        made = {
            name: [n for n in own if n in work] for name, own in layers_of(fused, model).items()
        }
    seconds: dict[str, float] = defaultdict(float)
    shared: set[str] = set()
    groups: dict[str, str] = {}
    for each in fused:
        parts = made[each.name]
        shared |= set(parts) if len(parts) > 1 else set()
        if is_one(each.name):
            groups = dict.fromkeys(parts if len(parts) > 1 else (), each.name) | groups
        for name, share in zip(parts, _shares(parts, work)):
            seconds[name] += each.seconds * share
    times = tuple(
        LayerTime(
            model=None if model is None else model.name, layer=name, place=place, seconds=own,
            reliable=False if name in shared else None, group=groups.get(name),
            work=work.get(name),
        )
        for name, own in seconds.items()
    )  # fmt: skip
    return OtherTimes(times, _strangers(fused, made))


def _shares(parts: Sequence[str], work: Mapping[str, Work]) -> list[float]:
    """Of a fused layer's time: by FLOP, all the first's where nobody knows of any."""
    flops = [work[name].flops if name in work else 0.0 for name in parts]
    if not sum(flops):
        return [1.0, *[0.0] * (len(parts) - 1)]
    return [own / sum(flops) for own in flops]


def _strangers(fused: Sequence[Fused], made: Mapping[str, Sequence[str]]) -> dict[str, float]:
    return {each.name: each.seconds for each in fused if not made[each.name]}


def _work(model: Model | None) -> Mapping[str, Work]:
    return {} if model is None else layer_work(model)
