"""A manifest made by hand, small enough to follow with a pencil, and requests through it."""

from __future__ import annotations

from collections.abc import Mapping

from splitfog.deployment.driving.outcome import Outcome, Span
from splitfog.deployment.runtime.program import Program, Step
from splitfog.deployment.splitting.manifest import (
    RESULTS,
    Manifest,
    ManifestLink,
    ManifestNode,
    ModelFile,
    Part,
    Predicted,
    Tensor,
)

Route = tuple[str, ...]

RIGHT = {"y": bytes(100)}
"""What the model is meant to give."""


def relayed() -> Manifest:
    """x at the pi -> a -> b at the server, by way of the box -> y in the box, results to the pi.

    The box reads a itself and passes it on. Of 1,000 bytes of a the pi's link to the box takes
    0.001 + 0.0005 + 8000 / 1e6 = 0.0095 s, that to the server 0.002 + 8000 / 2e6 = 0.006 s; 500
    bytes of b come back in 4000 / 4e6 = 0.001 s, 100 bytes of y in 800 / 8e5 = 0.001 s. With 0.01,
    0.02 and 0.03 s of parts that is 0.0775 s; the box is the busiest, with 0.03 s.
    """
    return Manifest(
        instance="hand",
        instance_sha256="0",
        plan_sha256="1",
        task="cam",
        level="extended",
        model=ModelFile("whole.onnx", "2"),
        inputs=("x",),
        outputs=("y",),
        predicted=Predicted(0.0775, 0.03),
        nodes=tuple(ManifestNode(name, 1e9) for name in ("pi", "box", "server")),
        links=(
            link("pi", "box", 1e6, 0.001, 0.0005),
            link("box", "server", 2e6, 0.002),
            link("server", "box", 4e6),
            link("box", "pi", 8e5),
        ),
        parts=(
            part("0-pi", ("x",), ("a",), 0.01),
            part("1-server", ("a",), ("b",), 0.02),
            part("2-box", ("a", "b"), ("y",), 0.03),
        ),
        tensors=(
            tensor("x", 100, None, {"0-pi": ("pi",)}),
            tensor("a", 250, "0-pi", {"1-server": ("pi", "box", "server"), "2-box": ("pi", "box")}),
            tensor("b", 125, "1-server", {"2-box": ("server", "box")}),
            tensor("y", 25, "2-box", {RESULTS: ("box", "pi")}),
        ),
    )


def link(
    tail: str, head: str, bandwidth_bps: float, latency_s: float = 0.0, delay_s: float = 0.0
) -> ManifestLink:
    """One direction of a link."""
    return ManifestLink(
        tail=tail, head=head, bandwidth_bps=bandwidth_bps, latency_s=latency_s, delay_s=delay_s
    )


def part(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], seconds: float) -> Part:
    """A part on the node that its name ends in."""
    return Part(
        name=name,
        node=name.partition("-")[2],
        file=f"{name}.onnx",
        sha256="3",
        layers=(),
        inputs=inputs,
        outputs=outputs,
        predicted_s=seconds,
    )


def tensor(
    name: str, length: int, maker: str | None, routes: Mapping[str, tuple[str, ...]]
) -> Tensor:
    """A vector of float32."""
    return Tensor(
        name=name,
        dtype="float32",
        shape=(length,),
        bytes=4 * length,
        maker=maker,
        to=tuple(routes),
        routes=routes,
        predicted_s=dict.fromkeys(routes, 0.0),
    )


def played(number: int, begun_s: float, scale: float, output: bytes = RIGHT["y"]) -> Outcome:
    """A request whose seven steps take `scale` seconds each, one after another."""
    program = Program(relayed())
    steps: list[Step] = [
        *("0-pi", ("a", "pi", "box"), ("a", "box", "server"), "1-server"),
        *(("b", "server", "box"), "2-box", ("y", "box", "pi")),
    ]
    return Outcome(
        plan="hand",
        program=program,
        number=number,
        given=0,
        slot=0,
        deadline_s=0.0,
        begun_s=begun_s,
        spans={
            step: Span(begun_s + i * scale, begun_s + (i + 1) * scale)
            for i, step in enumerate(steps)
        },
        cpu_s={part: scale / 2 for part in program.node_of},
        outputs={"y": output},
    )
