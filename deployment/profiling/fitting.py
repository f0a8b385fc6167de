"""A latency predictor out of measured times: `splitfog profile fit`.

Non-negative least squares for each kind of layer: Kang et al. (Neurosurgeon) and the regression
recalled of D3, with convolutions apart by what they sum over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from splitfog.deployment.profiling.predictor import ANY, Law, ModelError, Predictor
from splitfog.instances.arguments import entries, record, text
from splitfog.instances.defects import InstanceError
from splitfog.instances.times import LayerTime, Work, load_times

LEAST_LAYERS = 5
"""A kind with fewer than a law has coefficients follows the law of any layer."""

UNNAMED = "model"

MEASURED = (
    "the columns kind, flops, bytes_in, bytes_out, weight_bytes, which profile measure writes"
)

Sample = tuple[Work, float]


def fit_predictor(times: Sequence[LayerTime], node: str | None = None) -> Predictor:
    """A predictor of the machine whose times are given.

    Each kind of layer has a law: seconds linear in FLOP, bytes read, bytes written, bytes of
    weights, and an overhead, none negative. The law minimises the sum of squared errors over
    seconds, so that neither the long nor the short layers rule. Times of 0 s are left out.

    Parameters
    ----------
    times
        Measured, with the layers' work: as `measure_times` gives them, of one model or more.
    node
        Whose times are taken, where they are of several; None: all are of one.

    Returns
    -------
    Predictor
        With the error of each model, predicted by a fit to the others, where there are several.

    Raises
    ------
    ValueError
        Where there are no times, or they have no work or are of several nodes, and none is named.
    """
    times = entries("times", times, "a list of LayerTime, as measure_times gives them")
    for time in times:
        record("times", time, LayerTime, "a list of LayerTime, as measure_times gives them")
    own, place = _of_node(times, node)
    samples: dict[str, list[Sample]] = defaultdict(list)
    for time in own:
        if time.work is None:
            raise ValueError(f"the time of layer {time.layer} lacks {MEASURED}")
        if time.seconds > 0:
            samples[time.model or UNNAMED].append((time.work, time.seconds))
    if not samples:
        raise ValueError(f"no time on {place} is above 0 s: nothing can be fitted")
    everything = [sample for model in samples.values() for sample in model]
    return Predictor(
        node=place,
        models=tuple(samples),
        laws=_laws(everything),
        errors=_errors(place, samples) if len(samples) > 1 else (),
    )


def fit_files(paths: Sequence[Path], node: str | None = None) -> Predictor:
    """A predictor of files of times; those that name no model are a model each.

    Parameters
    ----------
    paths, node
        As `load_times` and `fit_predictor` take them.

    Raises
    ------
    InstanceError
        Where a file is wrong, or does not say what its layers do.
    """
    times: list[LayerTime] = []
    for path in paths:
        own = load_times(path)
        lines = [time.line for time in own if time.work is None]
        if lines:
            raise InstanceError(path.name, [f"line {lines[0]} lacks {MEASURED}"])
        stem = path.name.removesuffix(".gz").removesuffix(".csv")
        times += [replace(time, model=time.model or stem) for time in own]
    return fit_predictor(times, node)


def _of_node(times: Sequence[LayerTime], node: str | None) -> tuple[list[LayerTime], str]:
    if not times:
        raise ValueError("times = [], must be those of one layer or more")
    if node is not None:
        text("node", node, "a node's name")
    places = list(dict.fromkeys(time.place for time in times))
    if node is None and len(places) > 1:
        raise ValueError(
            f"the times are of {', '.join(places)}: a predictor is of one, name it (node)"
        )
    if node is not None and node not in places:
        raise ValueError(f"node = {node!r}, must be one of {', '.join(places)}")
    place = places[0] if node is None else node
    return [time for time in times if time.place == place], place


def _laws(samples: Sequence[Sample]) -> tuple[Law, ...]:
    """The law of every kind with enough layers, and of all together."""
    kinds: dict[str, list[Sample]] = defaultdict(list)
    for work, seconds in samples:
        kinds[work.kind].append((work, seconds))
    own = [_law(kind, kinds[kind]) for kind in sorted(kinds) if len(kinds[kind]) >= LEAST_LAYERS]
    return (*own, _law(ANY, samples))


def _law(kind: str, samples: Sequence[Sample]) -> Law:
    from scipy.optimize import nnls

    figures = np.array(
        [[w.flops, w.bytes_in, w.bytes_out, w.weight_bytes, 1.0] for w, _ in samples]
    )
    seconds = np.array([seconds for _, seconds in samples])
    weighted = figures / np.sqrt(seconds)[:, None]
    scale = np.linalg.norm(weighted, axis=0)
    scale[scale == 0] = 1.0
    solution = nnls(weighted / scale, np.sqrt(seconds))[0] / scale
    names = ("seconds_per_flop", "seconds_per_byte_in", "seconds_per_byte_out",
             "seconds_per_weight_byte", "overhead_s")  # fmt: skip
    return Law(kind=kind, layers=len(samples), **dict(zip(names, map(float, solution))))


def _errors(place: str, samples: Mapping[str, Sequence[Sample]]) -> tuple[ModelError, ...]:
    """Each model predicted by what is fitted to the others."""
    return tuple(_error(place, samples, left_out) for left_out in samples)


def _error(place: str, samples: Mapping[str, Sequence[Sample]], left_out: str) -> ModelError:
    others = [sample for model, own in samples.items() if model != left_out for sample in own]
    predictor = Predictor(node=place, models=(), laws=_laws(others))
    measured = sum(seconds for _, seconds in samples[left_out])
    predicted = sum(predictor.seconds(work) for work, _ in samples[left_out])
    return ModelError(
        model=left_out,
        layers=len(samples[left_out]),
        measured_s=measured,
        predicted_s=predicted,
        error=abs(predicted - measured) / measured,
    )
