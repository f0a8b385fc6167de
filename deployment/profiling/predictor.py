"""A latency predictor and its file: seconds of a layer from what it does."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from splitfog.deployment.profiling.layer_work import is_output, layer_work
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import decode, encode, read_bytes, write_whole
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Count, Model, Name, NonNegative, Positive
from splitfog.instances.times import LayerTime, Work

FORMAT: Literal["splitfog/predictor"] = "splitfog/predictor"
VERSION: Literal[1] = 1

ANY = "any"
"""The law of all layers together: for kinds that have none of their own."""


class Law(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Seconds of the layers of one kind, linear in what they do.

    Attributes
    ----------
    kind
        Of layers; "any" for kinds without a law.
    layers
        How many it was fitted to.
    seconds_per_flop, seconds_per_byte_in, seconds_per_byte_out, seconds_per_weight_byte
        Of a layer's work.
    overhead_s
        Of every layer.
    """

    kind: Name
    layers: Count
    seconds_per_flop: NonNegative
    seconds_per_byte_in: NonNegative
    seconds_per_byte_out: NonNegative
    seconds_per_weight_byte: NonNegative
    overhead_s: NonNegative

    def seconds(self, work: Work) -> float:
        """Seconds of a layer.

        Parameters
        ----------
        work
            What it does.

        Returns
        -------
        float
        """
        return (
            self.seconds_per_flop * work.flops
            + self.seconds_per_byte_in * work.bytes_in
            + self.seconds_per_byte_out * work.bytes_out
            + self.seconds_per_weight_byte * work.weight_bytes
            + self.overhead_s
        )


class ModelError(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How well a model is predicted by what was fitted to all others.

    Attributes
    ----------
    model
        Its name.
    layers
        With a measured time.
    measured_s, predicted_s
        Of the whole model.
    error
        |predicted - measured| / measured.
    """

    model: Name
    layers: Count
    measured_s: Positive
    predicted_s: NonNegative
    error: NonNegative


class Predictor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What predicts the layers' times of any model on one machine.

    Attributes
    ----------
    format, version
        Of the file.
    node
        The machine, by the name it had in the times.
    models
        What was fitted to.
    laws
        One a kind; the last is that of "any".
    errors
        Of every model, left out in turn; none where there was only one.
    """

    format: Literal["splitfog/predictor"] = FORMAT
    version: Literal[1] = VERSION
    node: Name
    models: tuple[Name, ...]
    laws: Annotated[tuple[Law, ...], Meta(min_length=1)]
    errors: tuple[ModelError, ...] = ()

    def seconds(self, work: Work) -> float:
        """Predicted seconds of a layer, by the law of its kind or that of any.

        Parameters
        ----------
        work
            What the layer does.

        Returns
        -------
        float
        """
        laws = {law.kind: law for law in self.laws}
        return laws.get(work.kind, laws[ANY]).seconds(work)

    def times(self, instance: Instance, node: str | None = None) -> tuple[LayerTime, ...]:
        """Predicted times of all layers of an instance but the inputs.

        Parameters
        ----------
        instance
            Whose models.
        node
            The node or tier that is the machine; None: the predictor's own name for it.

        Returns
        -------
        tuple of LayerTime

        Raises
        ------
        LookupError
            For a node that the instance lacks.
        """
        places = {name: name for name in (*instance.node_index, *instance.tiers)}
        place = look_up(places, self.node if node is None else node, "node or tier")
        return tuple(
            LayerTime(model=model.name, layer=layer, place=place, seconds=seconds)
            for model in instance.models
            for layer, seconds in self._of_model(model)
        )

    def unknown_kinds(self, instance: Instance) -> dict[str, int]:
        """Layers of kinds that have no law of their own, counted by kind.

        Parameters
        ----------
        instance
            Whose models.

        Returns
        -------
        dict of str to int
        """
        laws = {law.kind for law in self.laws}
        kinds = [
            work.kind
            for model in instance.models
            for layer, work in layer_work(model).items()
            if not is_output(model, model.index[layer])
        ]
        return dict(Counter(kind for kind in kinds if kind not in laws))

    def _of_model(self, model: Model) -> Iterator[tuple[str, float]]:
        for layer, work in layer_work(model).items():
            yield layer, 0.0 if is_output(model, model.index[layer]) else self.seconds(work)


def load_predictor(path: str | os.PathLike[str]) -> Predictor:
    """The predictor in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Predictor

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20).
    """
    path = path_of("path", path)
    found: Predictor = decode(read_bytes(path), Predictor, path.name)
    kinds = [law.kind for law in found.laws]
    defects = [
        f"laws[{position}].kind = {shown(kind)} stands there twice, must once"
        for position, kind in enumerate(kinds)
        if kind in kinds[:position]
    ]
    if ANY not in kinds:
        defects.append(f"laws has none of kind {ANY!r}, must have one")
    if defects:
        raise InstanceError(path.name, defects)
    return found


def save_predictor(predictor: Predictor, path: str | os.PathLike[str]) -> None:
    """Write a predictor's file, whole or not at all.

    Parameters
    ----------
    predictor
        Any.
    path
        Of the file.
    """
    predictor = record("predictor", predictor, Predictor, "a Predictor")
    write_whole(path_of("path", path), encode(predictor))
