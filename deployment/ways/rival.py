"""A method without a table: it solves again at the figures that are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from splitfog.deployment.adaptation.beliefs import Beliefs, own_figures, places
from splitfog.deployment.adaptation.way import Choice, Way
from splitfog.deployment.ways.network import with_latencies
from splitfog.deployment.ways.planners import Planner
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.detours import without
from splitfog.formulations.parametric.figure import Figure
from splitfog.instances.arguments import number
from splitfog.instances.instance import Instance

MakePlanner = Callable[[Instance, Sequence[Figure], Objective], Planner]


class Rival(Way):
    """Finds a plan anew for every request, at the figures that are believed then.

    Parameters
    ----------
    method
        Makes a planner for an instance; anew whenever something goes down or up, or a latency that
        was measured is another.
    instance
        Whose own figures hold before something is measured.
    figures
        Those that vary, and how far: what is measured beyond counts as the limit.
    objective
        Of the plans.
    estimate
        What is made of measurements, as of `Adapter`.
    """

    def __init__(
        self,
        method: MakePlanner,
        instance: Instance,
        figures: Sequence[Figure],
        objective: Objective,
        estimate: str,
    ) -> None:
        names = places(instance)
        super().__init__(
            Beliefs(figures, own_figures(instance), estimate), names.nodes, names.links
        )
        self._method, self._instance = method, instance
        self._figures, self._objective = figures, objective
        self._made_for: object = None
        self._planner: Planner | None = None

    def decide(self, time_s: float) -> Choice:
        """The plan for a request that arrives now.

        Parameters
        ----------
        time_s
            Now.

        Returns
        -------
        Choice
            Its position is None.
        """
        time_s = number("time_s", time_s)
        with self._lock:
            planner, beliefs = self._planner_now(), self._beliefs
            values = {figure.key: belief.value for figure, belief in beliefs.varying}
            found = None if planner is None else planner(values)
            grounds = ("no plan was found" if found is None else SOLVED, *beliefs.doubts(time_s))
            plan, seconds = (None, inf) if found is None else found
            return Choice(plan, None, seconds, beliefs.outside, grounds)

    def _planner_now(self) -> Planner | None:
        """The planner for what is up now, with the latencies as measured; None: none can be."""
        latencies = {
            key[1]: belief.value
            for key, belief in self._beliefs.known.items()
            if key[0] == "latency_s" and belief.is_measured
        }
        made_for = (tuple(self._beliefs.down), latencies)
        if made_for != self._made_for:
            self._made_for = made_for
            rest = without(self._instance, self._beliefs.down)
            self._planner = None
            if rest is not None:
                now = with_latencies(rest, latencies) if latencies else rest
                self._planner = self._method(now, self._figures, self._objective)
        return self._planner


SOLVED = "solved again at these figures"
