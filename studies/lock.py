"""A file that one process at a time holds; the system frees it however that process ends."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO


class Lock:
    """A held file, to be used as a context.

    Parameters
    ----------
    path
        Of the file, which goes when it is given free.
    what
        Is refused to others: what the lock is for.

    Raises
    ------
    ValueError
        Where another process holds it, which is named.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        while self._file is None:
            file = open(self._path, "a+")
            try:
                self._require_free(file)
                if self._is_there(file):
                    file.truncate(0)
                    file.write(f"{os.getpid()}\n")
                    file.flush()
                    self._file = file
            finally:
                if self._file is None:
                    file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _require_free(self, file: IO[str]) -> None:
        import fcntl  # where there is none nothing can be locked, but all else works

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ValueError(f"{self._what} is in use by the process {holder}") from None

    def _is_there(self, file: IO[str]) -> bool:
        """Whether a file is still the one of the path, which its last holder takes away."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            return False
