"""What all ways of adapting share: they are told what is measured, and asked for a plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock

from splitfog.deployment.adaptation.beliefs import Beliefs, Place, measurements
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import number
from splitfog.instances.lookup import unknown_name
from splitfog.instances.readable import in_seconds, printable


@dataclass(frozen=True, repr=False)
class Choice:
    """The plan for the next request, and why.

    Attributes
    ----------
    plan
        Placements alone; None where nothing runs without what is down.
    position
        Of the plan in the table; None where it is not from a table.
    predicted_s
        Seconds that the request is believed to take; inf without a plan.
    clamped
        The figures out of the table's box, which are taken as its limits: (from, to) of a link, or
        a node's name.
    grounds
        What the parts of the reason are the texts of: put into words when somebody reads them.
    """

    plan: PlanFile | None
    position: int | None
    predicted_s: float
    clamped: tuple[Place, ...] = ()
    grounds: tuple[object, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        plan = "no plan" if self.plan is None else "a plan"
        which = plan if self.position is None else f"plan {self.position}"
        return printable(f"<Choice of {which}, {in_seconds(self.predicted_s)}: {self.reason}>")

    @property
    def reason(self) -> str:
        """Why, in plain words, with what is doubtful in the figures behind it."""
        return "; ".join(map(str, self.grounds))


class Way(ABC):
    """Takes measurements in; `decide` is its heirs'.

    One thread may observe while another decides: each holds a lock for the microseconds that it
    needs, and neither waits for anything else.

    Parameters
    ----------
    beliefs
        What is known before the first measurement.
    nodes
        Their names.
    links
        The directed links' ends; None: any two nodes may have one.
    """

    def __init__(
        self,
        beliefs: Beliefs,
        nodes: Collection[str],
        links: Collection[tuple[str, str]] | None = None,
    ) -> None:
        self._beliefs, self._nodes, self._links, self._lock = beliefs, nodes, links, Lock()

    def observe(
        self,
        time_s: float,
        *,
        link: tuple[str, str] | None = None,
        node: str | None = None,
        bandwidth_bps: float | None = None,
        latency_s: float | None = None,
        load: float | None = None,
        up: bool | None = None,
    ) -> None:
        """Take in what was measured of one link or one node.

        Parameters
        ----------
        time_s
            When. What is older than the last measurement of the same figure changes nothing, and
            the next choice's reason says so.
        link, node
            The link (from, to), or the node's name.
        bandwidth_bps, latency_s
            Of the link; whatever number, 0 and infinity included.
        load
            Of the node: by what its layers' times are multiplied.
        up
            Whether the link or node works.

        Raises
        ------
        ValueError
            For what is no number, and where it is not clear what was measured of what.
        LookupError
            For a node or link that there is not.
        """
        time_s = number("time_s", time_s)
        place, measured = measurements(
            link, node, bandwidth_bps=bandwidth_bps, latency_s=latency_s, load=load, up=up
        )
        self._require_known(place)
        with self._lock:
            for quantity, value in measured.items():
                self._beliefs.observe(time_s, place, quantity, value)

    def _require_known(self, place: Place) -> None:
        for name in (place,) if isinstance(place, str) else place:
            if name not in self._nodes:
                raise LookupError(unknown_name(name, self._nodes, "node"))
        if not isinstance(place, str) and self._links is not None and place not in self._links:
            known = ", ".join(f"{tail},{head}" for tail, head in self._links)
            raise LookupError(f"no link {place[0]},{place[1]}; links: {known or 'none'}")

    @abstractmethod
    def decide(self, time_s: float) -> Choice:
        """The plan for a request that arrives now.

        Parameters
        ----------
        time_s
            Now, by the clock of the measurements.

        Returns
        -------
        Choice
        """
