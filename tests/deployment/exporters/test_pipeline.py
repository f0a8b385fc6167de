"""What is a block, and where the ends of a language model are."""

from __future__ import annotations

import json
from typing import Any

import pytest

import splitfog as sf
from splitfog.deployment.exporters import FORMATS
from splitfog.deployment.exporters.asked import Asked
from splitfog.deployment.exporters.pipeline import parts_of
from splitfog.deployment.splitting.given import given
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan_file import PlanFile, PlanReplica, TaskEntry
from splitfog.instances.records import Layer, Model, changed
from tests.deployment.exporters.blocks import chain, exported, linked, request


def layers(*kinds: str, **fields: float) -> list[Layer]:
    """Layers of some kinds, called after them."""
    return [
        Layer(name=f"{kind}{at}", op=kind, output_bytes=1.0, **fields)  # type: ignore[arg-type]
        for at, kind in enumerate(kinds)
    ]


def test_blocks_of_the_zoo_are_between_two_ends() -> None:
    """Of a model with the token's way from the last node to the first, two layers are behind."""
    model = sf.zoo.transformer("gpt2-124m", prompt=2, new_tokens=2, token="last")
    parts = parts_of(model)
    assert [layer.name for layer in parts.before] == ["embedding"]
    assert [layer.name for layer in parts.blocks] == [f"block{at}" for at in range(12)]
    assert [layer.name for layer in parts.behind] == ["head", "next"]
    assert parts.alike


def test_without_attention_blocks_are_the_longest_run_of_one_kind() -> None:
    """An importer may know no better; a block that keeps a state is known by that."""
    other = ("other",) * 3
    assert len(parts_of(linked("x", layers("embedding", *other, "linear"))).blocks) == 3
    assert len(parts_of(linked("x", layers(*other))).blocks) == 3
    kept = [changed(layer, state_bytes=1.0) for layer in layers("linear", "other")]
    head = Layer(name="head", op="linear", output_bytes=1.0)
    assert [x.name for x in parts_of(linked("x", [*kept, head])).blocks] == ["linear0", "other1"]


def branching() -> Model:
    """Two layers read the same tensor."""
    first, second, third = linked("x", layers("attention", "attention", "attention")).layers
    return Model(name="x", layers=(first, second, changed(third, inputs=("attention0",))))


NO_CHAINS = [
    (linked("x", layers("conv", "conv", "linear", "activation")), "layer conv0 is no block"),
    (linked("x", layers("conv", "linear", "linear")), "layer conv0 is no block and no end"),
    (linked("x", layers("attention", "linear", "attention")), "layer linear1 is between blocks"),
    (branching(), "the tensor of layer attention0 has 2 consumers"),
    (linked("x", layers("input")), "it has an input only"),
]


@pytest.mark.parametrize(("model", "why"), NO_CHAINS)
def test_other_models_are_no_chains_of_blocks(model: Model, why: str) -> None:
    """The sentence says where."""
    with pytest.raises(ValueError, match=f"model x is no chain( of blocks)?: {why}"):
        parts_of(model)


def test_an_end_is_on_one_node() -> None:
    """The last norm and the head may be two layers, but runtimes know one end."""
    ends = [Layer(name=f"end{at}", op="norm", output_bytes=1.0) for at in range(2)]
    model = linked("tiny", [*chain(2, ends=False).layers, *ends])
    assert json.loads(exported(request(model, source=None), "abbb", "exo").content)
    with pytest.raises(ValueError, match="what is behind the blocks is on b and c, must be on one"):
        exported(request(model, source=None), "abbc", "exo")


def test_replicas_are_places_where_each_layer_has_one() -> None:
    """A plan for the most executions per second may be of that kind."""
    instance, form = request(chain(4)), FORMATS.named("exo")
    ranges = [("a", 0, 4), ("b", 4, 6)]  # of the embedding, the blocks and the head

    def written() -> Any:
        replicas = tuple(PlanReplica(node=x, layers=(start, end)) for x, start, end in ranges)
        entry = TaskEntry(task="request", replicas=replicas)
        plan = PlanFile(objective=Objective("throughput"), tasks=(entry,))
        return form.load()(Asked(given(instance, plan, with_passes=True), *form.parse({})))

    assert json.loads(written().content) == {"node_layers": {"a": 3, "b": 1}}
    ranges.append(("c", 3, 6))
    with pytest.raises(ValueError, match="layer block2 is on a and c, but in this format a layer"):
        written()


def test_the_token_on_its_way_back_is_no_end() -> None:
    """It goes from the last node to the first, as every runtime sends it."""
    model = sf.zoo.transformer("gpt2-124m", prompt=2, new_tokens=2, token="last")
    made = exported(request(model), "a" + "a" * 7 + "b" * 5 + "b" + "a", "exo")
    assert json.loads(made.content) == {"node_layers": {"a": 7, "b": 5}}


def test_modules_of_hugging_face() -> None:
    """Of Llama's form and of GPT-2's; norm and head are together, the token's way is none."""
    model = sf.zoo.transformer("llama-3.2-1b", prompt=2, new_tokens=2, token="last")
    made = exported(request(model), "a" + "a" * 9 + "b" * 7 + "ba", "device-map", a="0")
    found = json.loads(made.content)
    assert made.lines == ("the weights embedding are on 0 and b: each keeps a copy",)
    assert list(found.items())[:2] == [("model.embed_tokens", 0), ("model.layers.0", 0)]
    assert list(found.items())[-3:] == [
        ("model.layers.15", "b"),
        ("model.norm", "b"),
        ("lm_head", "b"),
    ]
    assert len(found) == 16 + 3
    model = sf.zoo.transformer("gpt2-124m", prompt=2, new_tokens=2)
    found = json.loads(exported(request(model), "ab" + "b" * 12, "device-map").content)
    assert list(found)[:3] == ["transformer.wte", "transformer.wpe", "transformer.h.0"]
    assert list(found)[-3:] == ["transformer.h.11", "transformer.ln_f", "lm_head"]
    assert [name for name, node in found.items() if node == "a"] == list(found)[:2]


def test_a_norm_of_its_own_is_a_module_of_its_own() -> None:
    """Of other ends than a norm and a head nobody knows the modules."""
    kinds = ("embedding", "attention", "norm", "linear")
    made = exported(request(linked("tiny", layers(*kinds)), source=None), "aabb", "device-map")
    names = ["model.embed_tokens", "model.layers.0", "model.norm", "lm_head"]
    assert json.loads(made.content) == dict(zip(names, "aabb", strict=True))
    kinds = ("embedding", "attention", "linear", "softmax")
    made = exported(request(linked("tiny", layers(*kinds)), source=None), "aabb", "device-map")
    assert list(json.loads(made.content)) == ["embedding0", "attention1", "linear2", "softmax3"]


def test_modules_that_have_their_names_keep_them() -> None:
    """So do layers of models that are no chain of blocks, and of chains without an embedding."""
    names = ["model.embed_tokens", "model.layers.0", "lm_head"]
    own = [
        changed(layer, name=name)
        for layer, name in zip(layers("embedding", "attention", "linear"), names, strict=True)
    ]
    made = exported(request(linked("tiny", own), source=None), "aab", "device-map")
    assert json.loads(made.content) == dict(zip(names, "aab", strict=True))
    bare = exported(request(chain(2, ends=False), source=None), "ab", "device-map")
    assert json.loads(bare.content) == {"block0": "a", "block1": "b"}
