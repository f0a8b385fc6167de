"""Small offloading instances made by hand."""

from __future__ import annotations

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def two_users_one_fog(quota: int | None = None, rate: float = 1e-3) -> Instance:
    """Two devices (2 s for the model) and a fog node (0.1 s) behind 80 and 8 Mbit/s; 1 MB input."""
    layers = (
        Layer(name="x", op="input", output_bytes=1e6),
        Layer(name="all", op="linear", inputs=("x",), flops=2e9, output_bytes=0.0),
    )
    return Instance(
        name="two-users",
        tiers=("device", "fog"),
        nodes=(
            Node(name="user0", tier="device", speed_flops=1e9),
            Node(name="user1", tier="device", speed_flops=1e9),
            Node(name="fog", tier="fog", speed_flops=2e10, quota=quota),
        ),
        links=(
            Link(tail="user0", head="fog", bandwidth_bps=80e6),
            Link(tail="user1", head="fog", bandwidth_bps=8e6),
        ),
        models=(Model(name="net", layers=layers),),
        tasks=tuple(
            Task(name=f"task{i}", model="net", source=f"user{i}", arrivals_per_s=rate)
            for i in range(2)
        ),
    )


def restless() -> Instance:
    """Two users of three nodes whose best responses go round in a circle (found by search).

    Two layers each, measured on every node; task 0 is born at node a, task 1 at c. Only the input
    of task 1 has bytes: 0.411 MB, at 1 s a MB to node a and 1.3 s a MB to node b.
    """
    times = (
        ((0.649, 0.031, 1.023), (0.231, 0.735, 0.153)),
        ((0.355, 2.155, 0.132), (0.065, 0.669, 0.122)),
    )
    models = []
    for task, (first, second) in enumerate(times):
        on = [dict(zip("abc", seconds, strict=True)) for seconds in (first, second)]
        size = 0.411e6 if task else 0.0
        layers = (
            Layer(name="x", op="input", output_bytes=size),
            Layer(name="l0", op="other", inputs=("x",), output_bytes=0.0, times_s=on[0]),
            Layer(name="l1", op="other", inputs=("l0",), output_bytes=0.0, times_s=on[1]),
        )
        models.append(Model(name=f"net{task}", layers=layers))
    speeds = (("c", "a", 8e6), ("c", "b", 8e6 / 1.3), ("a", "b", 8e6))
    return Instance(
        name="restless",
        tiers=("edge",),
        nodes=tuple(Node(name=name, tier="edge", speed_flops=1e9) for name in "abc"),
        links=tuple(Link(tail=u, head=v, bandwidth_bps=speed) for u, v, speed in speeds),
        models=tuple(models),
        tasks=(
            Task(name="task0", model="net0", source="a", arrivals_per_s=0.74),
            Task(name="task1", model="net1", source="c", arrivals_per_s=1.858),
        ),
    )


def two_users_behind_one_link(rate: float = 0.6) -> Instance:
    """Two devices (1.5 s for the model), two fog nodes (0.1 s), one link that both must take.

    user0, user1 - gate - mast - fog0, fog1: 1 MB takes 1 s from the gate to the mast and next to
    nothing elsewhere. Gate and mast compute nothing.
    """
    ends = [("user0", "gate"), ("user1", "gate"), ("mast", "fog0"), ("mast", "fog1")]
    layers = (
        Layer(name="x", op="input", output_bytes=1e6),
        Layer(name="all", op="linear", inputs=("x",), flops=1.5e9, output_bytes=0.0),
    )
    return Instance(
        name="one-link",
        tiers=("device", "relay", "fog"),
        nodes=(
            *(Node(name=f"user{i}", tier="device", speed_flops=1e9) for i in range(2)),
            *(Node(name=f"fog{i}", tier="fog", speed_flops=1.5e10) for i in range(2)),
            *(Node(name=name, tier="relay", speed_flops=1e6) for name in ("gate", "mast")),
        ),
        links=(
            Link(tail="gate", head="mast", bandwidth_bps=8e6),
            *(Link(tail=tail, head=head, bandwidth_bps=8e12) for tail, head in ends),
        ),
        models=(Model(name="net", layers=layers),),
        tasks=tuple(
            Task(name=f"task{i}", model="net", source=f"user{i}", arrivals_per_s=rate)
            for i in range(2)
        ),
    )
