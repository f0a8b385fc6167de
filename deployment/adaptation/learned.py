"""`learned`: the plan that did best on another part of the trace, whenever it looked like this."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.deployment.adaptation.situation import CANNOT_STAY, UNDECIDED, Situation, Why
from splitfog.instances.arguments import numbers, whole

STATES = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Learned:
    """A plan for every state: the quantile in which the last second's mean of a figure lies.

    `figure` is the figure's position in the table, `edges` [states - 1] what lies between states,
    `plans` [states] positions of plans.
    """

    figure: int
    edges: NDArray[np.float64]
    plans: NDArray[np.int64]
    position: int | None = None
    why: Why = UNDECIDED
    wait_s: ClassVar[float] = 0.0

    def after(self, now: Situation) -> Learned:
        """O(plans)."""
        assert now.recent is not None
        state = int(self.edges.searchsorted(now.recent[self.figure], side="right"))
        best = int(self.plans[state])
        if now.costs_s[best] == np.inf:
            return replace(self, position=int(now.costs_s.argmin()), why=CANNOT_STAY)
        why = Why(f"learned: the best in state {state + 1} of {len(self.plans)}")
        return replace(self, position=best, why=why)


def learn(samples: ArrayLike, latencies: ArrayLike, states: int = STATES) -> Learned:
    """What to use when, by the latencies of all plans on a part of the trace that is past.

    Parameters
    ----------
    samples
        [requests, figures]: each figure's mean over the second before a request arrived.
    latencies
        [requests, plans]: the seconds that the request took by each plan; inf where it failed.
    states
        Quantiles of the figure that varied most (by the deviation of its logarithm).

    Returns
    -------
    Learned
        With, for every state, the plan of fewest failures and then of least mean latency there;
        where no request was in a state, the plan that did so over all. As a `rule` of `Adapter`.

    Raises
    ------
    ValueError
        For arrays of other shapes, and for no requests.
    """
    given, took = _checked(samples, latencies)
    states = whole("states", states, low=1)
    figure = int(np.log(np.maximum(given, np.finfo(float).tiny)).std(axis=0).argmax())
    values = given[:, figure]
    edges = np.quantile(values, np.arange(1, states) / states)
    state_of = edges.searchsorted(values, side="right")
    among = [took[state_of == state] for state in range(states)]
    plans = [_best_fixed(rows if len(rows) else took) for rows in among]
    return Learned(figure=figure, edges=edges, plans=np.array(plans, np.int64))


def _checked(samples: Any, latencies: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given = numbers("samples", samples, "numbers, [requests, figures]")
    if given.ndim != 2 or not given.size:
        raise ValueError(f"samples has shape {given.shape}, must be [requests, figures]")
    took = numbers("latencies", latencies, f"numbers, [{len(given)}, plans]")
    if took.ndim != 2 or len(took) != len(given) or not took.size:
        raise ValueError(f"latencies has shape {took.shape}, must be [{len(given)}, plans]")
    return given.astype(np.float64), took.astype(np.float64)


def _best_fixed(latencies: NDArray[np.float64]) -> int:
    """The plan of fewest failures, then of least mean latency, then the first."""
    failed = np.isinf(latencies)
    means = np.where(failed, 0.0, latencies).sum(axis=0) / np.maximum((~failed).sum(axis=0), 1)
    return int(np.lexsort((means, failed.sum(axis=0)))[0])
