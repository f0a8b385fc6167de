"""Small offloading instances made by hand."""

from __future__ import annotations

from splitfog.instances.model import Instance, Layer, Link, Model, Node, Task


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
