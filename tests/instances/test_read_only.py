"""Nobody can change the figures of an instance behind the back of what was made from them."""

from __future__ import annotations

import pickle
from copy import copy, deepcopy
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from splitfog import solve
from splitfog.formulations.audit import Audit
from splitfog.formulations.parametric.policy_table import PolicyPiece
from splitfog.formulations.plan import encode_plan
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import parse_instance
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.read_only import ReadOnly
from splitfog.instances.records import Layer, Model, Node, Task, changed

WRITES = {
    "set": lambda mapping, key: mapping.__setitem__(key, 1e-4),
    "delete": lambda mapping, key: mapping.__delitem__(key),
    "or": lambda mapping, key: mapping.__ior__({key: 1e-4}),
    "clear": lambda mapping, key: mapping.clear(),
    "pop": lambda mapping, key: mapping.pop(key),
    "popitem": lambda mapping, key: mapping.popitem(),
    "setdefault": lambda mapping, key: mapping.setdefault("new", 1e-4),
    "update": lambda mapping, key: mapping.update({key: 1e-4}),
}


def _instance(times_s: Any, meta: Any) -> Instance:
    layer = Layer(name="a", op="other", output_bytes=1, group="g", times_s=times_s)
    return Instance(
        name="one",
        tiers=("device",),
        nodes=(Node(name="pi", tier="device", speed_flops=1e9),),
        links=(),
        models=(Model(name="m", layers=(layer,)),),
        tasks=(Task(name="t", model="m", source="pi"),),
        meta=meta,
    )


MADE = _instance({"pi": 0.03}, {"optimum": {"latency": 0.03}, "notes": [{"by": "us"}]})
READ = parse_instance(encode_instance(MADE), "one.json")


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "instance", [MADE, READ, copy(READ), deepcopy(READ), pickle.loads(pickle.dumps(READ))]
)
def test_no_mapping_can_be_written_to(instance: Instance, write: str) -> None:
    """However the instance came to be; afterwards all is as before."""
    model = instance.models[0]
    mappings = [
        (model.layers[0].times_s, "pi"),
        (changed(model.layers[0], name="b").times_s, "pi"),
        (instance.meta, "optimum"),
        (instance.meta["optimum"], "latency"),
        (instance.meta["notes"][0], "by"),
        (model.index, "a"),
        (model.groups, "g"),
        (instance.node_index, "pi"),
        (instance.model_index, "m"),
    ]
    for mapping, key in mappings:
        with pytest.raises(TypeError, match="read-only"):
            WRITES[write](mapping, key)
    assert instance == MADE
    with pytest.raises(TypeError, match="read-only"):
        Layer(name="a", op="other", output_bytes=1).times_s["pi"] = 1e-4  # type: ignore[index]


def test_what_it_was_made_of_stays_outside() -> None:
    """A dict changed after it was given changes nothing."""
    times_s = {"pi": 0.03}
    meta: dict[str, Any] = {"optimum": {"latency": 0.03}, "notes": [{"by": "us"}]}
    instance = _instance(times_s, meta)
    times_s["pi"] = 1e-4
    meta["optimum"]["latency"] = 1e-4
    meta["notes"].append(1)
    assert instance == MADE


@pytest.mark.parametrize("kind", [dict, MappingProxyType, ReadOnly])
def test_the_saved_bytes_are_those_of_dicts(kind: Any) -> None:
    """Any mapping will do; none that is empty is written."""
    assert encode_instance(_instance(kind({"pi": 0.03}), kind(dict(MADE.meta)))) == encode_instance(
        MADE
    )
    empty = _instance(kind({}), kind({}))
    for instance in (empty, pickle.loads(pickle.dumps(empty))):
        assert b"times_s" not in encode_instance(instance)
        assert b"meta" not in encode_instance(instance)


@pytest.mark.parametrize("times_s", [5, [0.03], None, {"pi": -1}, {"pi": "0.03"}])
def test_what_is_no_times_is_named(times_s: Any) -> None:
    """Wrong data in memory is a defect with its path, as in a file."""
    with pytest.raises(InstanceError, match=r"models\[0\]\.layers\[0\]\.times_s.* must be "):
        _instance(times_s, {})
    with pytest.raises(InstanceError, match="meta = 5, must be an object"):
        _instance({}, 5)


def test_nor_can_plans_and_tables() -> None:
    """Placements, schedules, loads, audits; made by a solver or read."""
    plan = solve(MADE, "brute-force", objective="makespan")
    audit = Audit(exchange_blocking={"total": 0}, regret_s={"t": 0.0})
    plan = changed(plan, audit=audit)
    file = msgspec.json.decode(encode_plan(plan), type=PlanFile)
    for each in (plan, file, deepcopy(plan), deepcopy(file)):
        task = each.tasks[0]
        assert task.schedule is not None
        figures: tuple[Any, ...] = (task.placement, task.schedule.layers, each.nodes)
        for mapping in figures:
            with pytest.raises(TypeError, match="read-only"):
                mapping["pi"] = 1e-4
    audits: tuple[Any, ...] = (audit.exchange_blocking, audit.regret_s)
    for mapping in (*audits, file.audit, file.audit["regret_s"]):
        with pytest.raises(TypeError, match="read-only"):
            mapping["t"] = 1
    piece = PolicyPiece(low=1, high=2, alpha_s=0, beta=0, placement={"t": {"a": "pi"}})
    for names in (piece.placement, piece.placement["t"]):
        with pytest.raises(TypeError, match="read-only"):
            names["a"] = "cloud"  # type: ignore[index]
