"""Where a run's nodes are: processes of this machine, or machines that `hosts.toml` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.driving.hosts import load_hosts
from splitfog.deployment.driving.peers import Network
from splitfog.deployment.runtime.processes import endpoints, loopback_nodes
from splitfog.deployment.wire.keys import DRIVER, is_loopback, load_keys
from splitfog.deployment.wire.sockets import (
    Context,
    Socket,
    authenticated,
    endpoint_of,
    host_of,
    listening,
    local_address,
)

Listening = tuple[Context, Socket, Network]
"""The driver's own socket, and where everybody is."""

Started = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Machines on each of which `splitfog serve` runs.

    Attributes
    ----------
    hosts : the file that says where each node listens.
    keys : folder of certificates; None: none are needed, as all of them are on loopback.
    listen : `HOST:PORT` where they reach this process; None: its own addresses, at free ports.
    """

    hosts: Path
    keys: Path | None = None
    listen: str | None = None


@contextmanager
def on_this_machine(
    manifests: Mapping[str, Sequence[Path]], started: Started | None
) -> Iterator[Callable[[], Listening]]:
    """Processes of this machine, one a node, that begin to load the manifests' parts.

    What is given waits until all of them listen; `started` is then called with their process ids.
    """
    with loopback_nodes(manifests) as nodes, authenticated(None) as context:

        def wait() -> Listening:
            places = endpoints(nodes)
            if started is not None:
                started({name: node.pid for name, node in nodes.items()})
            socket, (own,) = listening(context, ["127.0.0.1:*"], None)
            network = Network(
                places=places,
                own=dict.fromkeys(places, own),
                keys=None,
                one_clock=True,
                death=lambda node: nodes[node].death(),
            )
            return context, socket, network

        yield wait


@contextmanager
def on_machines(machines: Machines, nodes: Sequence[str]) -> Iterator[Callable[[], Listening]]:
    """Nodes that run already.

    Raises
    ------
    ValueError
        Naming the file, node or address that is wrong, and where keys are needed but missing.
    """
    places = load_hosts(machines.hosts, nodes)
    own = {node: machines.listen or f"{local_address(place)}:*" for node, place in places.items()}
    for what in (*places.values(), *own.values()):
        if machines.keys is None and not is_loopback(host_of(what)):
            raise ValueError(f"{what} is not on this machine, so --keys are needed")
    keys = None if machines.keys is None else load_keys(machines.keys, DRIVER)
    with authenticated(keys) as context:
        different = list(dict.fromkeys(own.values()))
        socket, listened = listening(context, different, keys)
        at = dict(zip(different, listened, strict=True))
        network = Network(
            places={node: endpoint_of(place) for node, place in places.items()},
            own={node: at[place] for node, place in own.items()},
            keys=keys,
            one_clock=False,
            death=lambda node: None,
        )
        yield lambda: (context, socket, network)
