"""`hosts.toml`: where the nodes of a run listen, one `NAME = "HOST:PORT"` each below `[hosts]`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from splitfog.deployment.wire.sockets import endpoint_of


def load_hosts(path: Path, nodes: Iterable[str]) -> dict[str, str]:
    """`HOST:PORT` of every node; the file may name others too.

    Raises
    ------
    ValueError
        Naming the file and what is wrong with it.
    """
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
    table = content.get("hosts")
    if not isinstance(table, dict):
        raise ValueError(f'{path}: has no table [hosts] of NAME = "HOST:PORT"')
    found = {}
    for node in nodes:
        if node not in table:
            raise ValueError(f"{path}: hosts.{node} is missing, must be where the node listens")
        place = table[node]
        try:
            endpoint_of(str(place))
        except ValueError as error:
            raise ValueError(f"{path}: hosts.{node} = {error}") from None
        found[node] = str(place)
    return found
