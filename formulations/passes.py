"""An instance as one pass of its models sees it (docs/costs.md), for all who know no passes."""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import is_one_execution
from splitfog.instances.changes import derived
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Layer, Model, PerPassOrNone, changed, figure_in


@kept()
def of_pass(instance: Instance, name: str | None = None) -> Instance:
    """The instance of which a request makes one execution of the pass `name`, kept with it.

    Models without a pass of that name stay as they are, and all do without a name; but one that a
    request executes once, every layer of it, lists no passes any more. So models with passes are
    left only where a request makes several executions, or a layer does not run.
    """
    models = tuple(_single(restricted(model, name)) for model in instance.models)
    if all(new is old for new, old in zip(models, instance.models, strict=True)):
        return instance
    made = derived(instance, models=models)
    object.__setattr__(made, "read_sha256", instance.sha256)  # plans are for the whole
    return made


def has_passes(instance: Instance) -> bool:
    """Whether a request of some task makes several executions, or leaves out a layer.

    Parameters
    ----------
    instance
        As `of_pass` gives it.
    """
    return any(instance.model_of(task).passes is not None for task in instance.tasks)


def executed_once(instance: Instance, what: str, with_state: bool = True) -> Instance:
    """The instance without passes, where its tasks' models are executed once.

    Parameters
    ----------
    instance
        Any.
    what
        What knows no other models, for the error.
    with_state
        Whether that counts the state of layers in a node's memory.

    Raises
    ------
    ValueError
        For models with other passes, and for state beside limited memory that is not counted.
    """
    seen = of_pass(instance)
    for model in [seen.model_of(task) for task in seen.tasks]:
        if model.passes is not None:
            passes = ", ".join(f"{one.name} x {one.count}" for one in model.passes)
            raise ValueError(
                f"{what} knows models that are executed once, every layer of them, "
                f"but model {model.name} has {passes}; "
                "splitfog edit --one-pass makes one execution of them"
            )
        limited = any(node.memory_bytes is not None for node in seen.nodes)
        if not with_state and limited and model.state_bytes.any():
            raise ValueError(
                f"{what} does not count the state of layers (state_bytes) beside their weights, "
                f"but model {model.name} has some, and memory is limited; splitfog edit --memory "
                "NODE=none lifts a limit"
            )
    return seen


def sliced_passes(instance: Instance, decision: Decision) -> Iterator[str]:
    """A sentence for every task with stages whose model is executed more than once.

    Parameters
    ----------
    instance, decision
        Whatever the pass that counts.
    """
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        if answer.stages and not is_one_execution(instance.model_of(task)):
            yield (
                f"task {task.name}: its stages need a model of one pass of count 1, "
                f"but {task.model} has others"
            )


def restricted(model: Model, name: str | None) -> Model:
    """The model of which a request makes one execution of the pass `name`, and no other.

    Parameters
    ----------
    model, name
        A model without such a pass stays as it is.
    """
    for position, one in enumerate(model.passes or ()):
        if one.name == name:
            layers = tuple([_at(layer, position) for layer in model.layers])
            return changed(model, layers=layers, passes=(changed(one, count=1),))
    return model


def _at(layer: Layer, position: int) -> Layer:
    """The layer with lists of the figures of one pass."""
    return changed(
        layer,
        flops=(figure_in(layer.flops, position),),
        traffic_bytes=(figure_in(layer.traffic_bytes, position),),
        output_bytes=(figure_in(layer.output_bytes, position),),
        times_s={place: (figure_in(own, position),) for place, own in layer.times_s.items()},
    )


def _single(model: Model) -> Model:
    """The model without passes, where that says the same."""
    if model.passes is None or not is_one_execution(model):
        return model
    return changed(model, layers=tuple(map(_without_lists, model.layers)), passes=None)


def _without_lists(layer: Layer) -> Layer:
    return changed(
        layer,
        flops=figure_in(layer.flops, 0),
        traffic_bytes=figure_in(layer.traffic_bytes, 0),
        output_bytes=_size(layer.output_bytes),
        times_s={place: figure_in(own, 0) for place, own in layer.times_s.items()},
    )


def _size(output_bytes: PerPassOrNone) -> float:
    return figure_in(output_bytes, 0) or 0.0
