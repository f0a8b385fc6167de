"""Certificates of nodes and of the driver: who may speak to whom, off this machine (CURVE)."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DRIVER = "driver"
"""Name of the certificate of `splitfog run`."""


@dataclass(frozen=True)
class Keys:
    """A folder of certificates, and the pair of the process that uses it."""

    folder: Path
    public: bytes
    secret: bytes

    def of(self, peer: str) -> bytes:
        """The public key of a node or of the driver.

        Raises
        ------
        ValueError
            Naming the file, where there is none.
        """
        return _loaded(self.folder / f"{peer}.key")[0]


def load_keys(folder: Path, name: str) -> Keys:
    """The keys of a node (or `DRIVER`): `NAME.key_secret`, beside everybody's `NAME.key`.

    Raises
    ------
    ValueError
        Naming the file that is missing or holds no key.
    """
    file = folder / f"{name}.key_secret"
    public, secret = _loaded(file)
    if secret is None:
        raise ValueError(f"{file} holds no secret key, must be one that --make-keys wrote")
    return Keys(folder, public, secret)


def make_keys(folder: Path, names: Iterable[str]) -> list[Path]:
    """Write a pair for every name that has none; the secret ones only their owner can read.

    Returns
    -------
    list[Path]
        The files written.

    Raises
    ------
    ValueError
        For a name that cannot be a file's.
    """
    from zmq.auth import create_certificates

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names:
        if Path(name).name != name:
            raise ValueError(f"node {name!r} cannot have keys, as its name is no file name")
        if (folder / f"{name}.key_secret").exists():
            continue
        before = os.umask(0o077)
        try:
            public, secret = map(Path, create_certificates(folder, name))
        finally:
            os.umask(before)
        public.chmod(0o644)
        written += [public, secret]
    return written


def is_loopback(host: str) -> bool:
    """Whether only processes of this machine can be at an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _loaded(file: Path) -> tuple[bytes, bytes | None]:
    from zmq.auth import load_certificate

    try:
        return load_certificate(file)
    except (OSError, ValueError):
        what = "is missing" if not file.exists() else "holds no key"
        raise ValueError(f"{file} {what}, must be a certificate of ZeroMQ") from None
