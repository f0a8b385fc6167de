"""Instance files: what is written of an instance, wherever it comes from."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest

from splitfog.instances.files import load_instance, save_instance
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window


def plain(**zeros: object) -> Instance:
    """Two nodes, a convolution; `zeros` are fields of the first node."""
    return Instance(
        name="plain",
        tiers=("device", "cloud"),
        nodes=(
            Node(name="device", tier="device", speed_flops=1e9, **zeros),  # type: ignore[arg-type]
            Node(name="cloud", tier="cloud", speed_flops=1e9),
        ),
        links=(Link(tail="device", head="cloud", bandwidth_bps=1e6),),
        models=(
            Model(
                name="net",
                layers=(
                    Layer(name="input", op="input", output_bytes=1.0),
                    Layer(
                        name="conv",
                        op="conv",
                        inputs=("input",),
                        output_bytes=1.0,
                        window=Window(kernel=(3, 3)),
                    ),
                ),
            ),
        ),
        tasks=(Task(name="task", model="net", source="device"),),
    )


@pytest.mark.parametrize("family", ["three-tier", "line", "random-dag"])
def test_a_copy_from_another_process_is_written_alike(family: str) -> None:
    """Pickled and unpickled, an instance has the same bytes, and so the same hash for its plans."""
    instance = generate(family)
    copy = pickle.loads(pickle.dumps(instance))
    assert encode_instance(copy) == encode_instance(instance)
    assert copy.sha256 == instance.sha256


def test_equal_instances_are_written_alike() -> None:
    """A default that is spelt out is left out, also in a window of a copy."""
    spelt = plain(overhead_s=float("0"), radio="".join(["para", "llel"]))
    assert spelt == plain()
    assert encode_instance(spelt) == encode_instance(plain())
    copy = pickle.loads(pickle.dumps(plain()))
    assert (
        b'"window": {\n      "kernel": [\n       3,\n       3\n      ]\n     }'
        in encode_instance(copy)
    )


def test_an_instance_knows_its_file(tmp_path: Path) -> None:
    """The path as it was given; a changed instance is of no file."""
    path = tmp_path / "plain.json.gz"
    save_instance(plain(), path)
    read = load_instance(path)
    assert read.read_file == str(path)
    assert read == plain()
    assert pickle.loads(pickle.dumps(read)).read_file == str(path)
    assert read.with_node("cloud", speed_flops=2e9).read_file is None


def test_a_byte_order_mark_says_nothing(tmp_path: Path) -> None:
    """Some editors write one before JSON; the hash is of the bytes read, as ever."""
    path = tmp_path / "marked.json"
    instance = generate("three-tier")
    path.write_bytes(b"\xef\xbb\xbf" + encode_instance(instance))
    read = load_instance(path)
    assert read == instance
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
