"""Where jobs run that shall not run in this process."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol, Self

from splitfog.studies.engine.jobs import Job, Outcome


class Place(Protocol):
    """Processes that can be killed, here or elsewhere, to be used as a context."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None:
        """Leave nothing running."""

    def submit(self, job: Job) -> Future[Outcome | None]:
        """Have a job run; None comes of it where it was given up."""

    def outcome(self, job: Job, future: Future[Outcome | None]) -> Outcome | None:
        """What came of a job that has ended.

        Raises
        ------
        OSError
            Where the place is gone, or no process can be started there.
        """

    def interrupt(self) -> None:
        """Start no more jobs; those under way end, with the best they have if they can say it."""
