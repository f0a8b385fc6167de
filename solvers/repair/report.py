"""What a repair did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from splitfog.instances.readable import counted

Way = Literal["nothing", "repair", "dina"]


@dataclass(frozen=True, kw_only=True)
class RepairReport:
    """What a repair did, and what it changed.

    Attributes
    ----------
    hit
        Names of the tasks whose plan the changes broke or made slower, and of those that arrived.
    others
        Names of those that were planned anew beside them: something came back or became faster, or
        they made room.
    changed
        Names of the tasks that run in another way now, those that arrived among them.
    seconds
        Of the whole repair, checks and bounds included.
    value_before
        Mean latency of the plan before the changes, in seconds; None: it was no plan.
    value_kept
        That of the same plan after them; None where it cannot be kept as it is.
    value_after
        That of the new plan; None: there is none.
    way : "nothing", "repair" or "dina"
        Whether the plan was kept, repaired, or made anew by `dina`.
    """

    hit: tuple[str, ...]
    others: tuple[str, ...]
    changed: tuple[str, ...]
    seconds: float
    value_before: float | None
    value_kept: float | None
    value_after: float | None
    way: Way

    @property
    def replanned(self) -> tuple[str, ...]:
        """All tasks that were looked at."""
        return (*self.hit, *self.others)

    def __str__(self) -> str:
        """One line for readers."""
        values = [
            f"{name} {1e3 * value:.6g} ms"
            for name, value in (
                ("before", self.value_before),
                ("kept", self.value_kept),
                ("after", self.value_after),
            )
            if value is not None
        ]
        counts = f"{counted(len(self.hit), 'task')} hit, {len(self.replanned)} re-planned"
        said = f"{counts}, {len(self.changed)} changed"
        return f"{self.way}: {said} in {1e3 * self.seconds:.3g} ms; {', '.join(values)}"
