"""Jobs as messages to a worker: an instance travels once, later jobs name it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

from splitfog.instances.instance import Instance

MOST = 256
"""Of so many instances that a worker knows all are dropped before it is told another."""

Key = tuple[str, str | None]
"""An instance's hash, and the file it was read from."""


class Sender:
    """Packs what goes to one worker, and knows which instances that has."""

    def __init__(self) -> None:
        self._sent: set[Key] = set()

    def packed(self, content: Any) -> bytes:
        """Any content; each instance within only by its key, if the worker knows it."""
        body, met = packed_apart(content)
        new = {key: instance for key, instance in met.items() if key not in self._sent}
        forget = len(self._sent) + len(new) > MOST
        if forget:
            self._sent.clear()
            new = met
        self._sent |= new.keys()
        told = {key: pickle.dumps(instance) for key, instance in new.items()}
        return pickle.dumps((forget, told, body))


class Receiver:
    """Unpacks what came to a worker, with each instance as if it had just been loaded."""

    def __init__(self) -> None:
        self._told: dict[Key, bytes] = {}

    def unpacked(self, message: bytes) -> Any:
        """The content of a message that a `Sender` packed."""
        forget, told, body = pickle.loads(message)
        if forget:
            self._told.clear()
        self._told |= told
        return unpacked_with(body, self._told)


def packed_apart(content: Any) -> tuple[bytes, dict[Key, Instance]]:
    """Any content without the instances within, and these."""
    body = io.BytesIO()
    pickler = _Pickler(body)
    pickler.dump(content)
    return body.getvalue(), pickler.met


def unpacked_with(body: bytes, told: Mapping[Key, bytes]) -> Any:
    """The content that `packed_apart` was given, with instances of their own.

    Parameters
    ----------
    body
        The content without instances.
    told
        The pickled instances.
    """
    return _Unpickler(io.BytesIO(body), told).load()


class _Pickler(pickle.Pickler):
    """Leaves instances out, and keeps which."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.met: dict[Key, Instance] = {}

    def persistent_id(self, record: Any) -> Key | None:
        """The key of an instance; None of anything else, which is pickled."""
        if not isinstance(record, Instance):
            return None
        key = (record.sha256, record.read_file)
        self.met[key] = record
        return key


class _Unpickler(pickle.Unpickler):
    """Puts fresh instances where they were left out."""

    def __init__(self, file: io.BytesIO, told: Mapping[Key, bytes]) -> None:
        super().__init__(file)
        self._told = told

    def persistent_load(self, key: Key) -> Instance:
        """The instance of a key."""
        instance: Instance = pickle.loads(self._told[key])
        return instance
