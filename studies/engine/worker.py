"""A worker: a process that runs one job after another, until it is no longer asked or is killed."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Mapping
from multiprocessing import process, spawn
from multiprocessing.connection import Connection
from typing import Any

from splitfog.instances.plugins.found import BrokenPlugin
from splitfog.studies.engine.messages import Receiver


def serve(descriptor: int) -> None:
    """Call functions and answer with what they return, until a connection's other end is closed.

    Parameters
    ----------
    descriptor
        Of the connection. It first brings what the worker needs to know functions of the caller's
        script, then packed calls. It is told the worker's number when it is ready; of a call None
        when it begins, imports apart, and the answer.
    """
    _calm()
    connection: Connection[Any, Any] = Connection(descriptor)
    try:
        _prepare(connection.recv())
        connection.send(os.getpid())
        received = Receiver()
        while True:
            function, args = received.unpacked(connection.recv_bytes())
            connection.send(function(*args, lambda: connection.send(None)))
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return


def _calm() -> None:
    """Standard output stays clean; warnings of plug-ins are the caller's."""
    os.dup2(2, 1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    warnings.simplefilter("ignore", BrokenPlugin)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _prepare(script: Mapping[str, Any]) -> None:
    """Read the caller's script as `multiprocessing` does, which must not start workers itself."""
    if script:
        process.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001
        try:
            spawn.prepare(dict(script))
        finally:
            del process.current_process()._inheriting  # type: ignore[attr-defined]  # noqa: SLF001
