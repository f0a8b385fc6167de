"""What nodes do for a plan, and what a request waits for."""

from __future__ import annotations

import pytest

from splitfog.deployment.driving.outcome import Outcome, Span
from splitfog.deployment.runtime.program import Program, Step, blocked
from splitfog.deployment.splitting.manifest import manifest_defects
from splitfog.instances.records import changed
from tests.deployment.driving.relayed import relayed, tensor

PROGRAM = Program(relayed())
ALL: list[Step] = [
    "0-pi",
    ("a", "pi", "box"),
    ("a", "box", "server"),
    "1-server",
    ("b", "server", "box"),
    "2-box",
    ("y", "box", "pi"),
]
"""In the only order in which they can happen."""


def test_the_manifest_made_by_hand_has_no_defects() -> None:
    """Else nothing here would follow for real ones."""
    assert list(manifest_defects(relayed())) == []


def test_a_tensor_crosses_a_link_once_for_all_its_readers() -> None:
    """a goes to the box for both of its readers, and on to the server for one."""
    assert PROGRAM.hops["a"] == (("a", "pi", "box"), ("a", "box", "server"))
    assert frozenset(ALL) == PROGRAM.steps


def test_a_relay_passes_on_what_it_also_reads() -> None:
    """The box takes a from the pi and b from the server, and sends a to the server, y home."""
    box = PROGRAM.nodes["box"]
    assert box.tails == {"a": "pi", "b": "server"}
    assert box.hops == {"a": ("server",), "y": ("pi",)}
    assert box.readers == {"a": (0,), "b": (0,)}
    assert box.results == set()


def test_inputs_come_from_the_driver_and_results_end_where_they_are_wanted() -> None:
    """x is born at the pi, where y comes back to."""
    pi = PROGRAM.nodes["pi"]
    assert pi.tails == {"x": None, "y": "box"}
    assert pi.inputs == {"x"}
    assert pi.results == {"y"}
    assert PROGRAM.driver.tails == {"y": "pi"}


def test_two_ways_to_one_node_are_refused() -> None:
    """A tensor that came to a node twice would be taken for a mistake there."""
    manifest = relayed()
    routes = {"1-server": ("pi", "box", "server"), "2-box": ("pi", "server", "box")}
    twice = tensor("a", 250, "0-pi", routes)
    program = Program(changed(manifest, tensors=(manifest.tensors[0], twice)))
    with pytest.raises(ValueError, match="tensor a reaches server from box and from pi"):
        _ = program.hops


@pytest.mark.parametrize("count", range(len(ALL)))
def test_what_is_blocked_is_the_next_step(count: int) -> None:
    """After the first so many steps of this chain of them exactly the next one can happen."""
    assert blocked(PROGRAM, set(ALL[:count])) == [ALL[count]]


def outcome(count: int) -> Outcome:
    """A request after its first so many steps."""
    return Outcome(
        plan="hand",
        program=PROGRAM,
        number=1,
        given=0,
        slot=0,
        deadline_s=0.0,
        begun_s=0.0,
        spans={step: Span(0.0, 1.0) for step in ALL[:count]},
    )


def test_a_request_needs_a_node_until_its_last_step_there() -> None:
    """The server until b has crossed, the box until y has, the pi until y is with the driver."""
    needs = [[node for node in PROGRAM.nodes if outcome(n).needs(node)] for n in range(8)]
    every, later = ["pi", "box", "server"], ["pi", "box"]
    assert needs == [every, every, every, every, every, later, later, ["pi"]]
    done = outcome(7)
    done.outputs["y"] = b""
    assert not done.needs("pi")
    assert done.ended


def test_a_request_says_what_it_waits_for() -> None:
    """Parts and links by name; an output that is not sent, when all steps are done."""
    assert outcome(0).waits_for() == "part 0-pi on pi"
    assert outcome(2).waits_for() == "tensor a from box to server"
    assert outcome(7).waits_for() == "output y"
    fresh = outcome(0)
    fresh.begun_s = None
    assert "inputs" in fresh.waits_for()
