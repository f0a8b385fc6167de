"""How a replay goes: what its requests meet and what of the network is seen, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from splitfog.deployment.adaptation.estimators import estimator
from splitfog.deployment.contest.arrivals import parsed
from splitfog.instances.arguments import choice, number, plain, wrong
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up

Clock = Literal["integrated", "frozen"]
Queues = Literal["none", "fifo"]
Measure = Literal["used", "all"]

WEIGHTS = "weights:"

EXACT, NOISY = "last", "ewma:0.7"
"""The estimators for measurements without noise and with it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `splitfog.replay` is asked for, but for instance, trace, ways and seeds.

    Attributes
    ----------
    clock : "integrated" or "frozen"
    requests
        `every:S` or `poisson:R`.
    queues : "none" or "fifo"
    estimate
        How figures are estimated from measurements; None: the last one where there is no noise,
        else `ewma:0.7`.
    delay_s, noise
        How old measurements are at least, and the deviation of their logarithm.
    measure : "used" or "all"
    probe
        (bytes, seconds): how much is sent over every link, and how often; None: nothing.
    switch_cost
        Seconds, or `weights:NODE`; None: nothing.
    detect_s
        From the loss of a request to its new start.
    """

    clock: Clock = "integrated"
    requests: str = "every:1"
    queues: Queues = "none"
    estimate: str | None = None
    delay_s: float = 0.0
    noise: float = 0.0
    measure: Measure = "used"
    probe: tuple[float, float] | None = None
    switch_cost: float | str | None = None
    detect_s: float = 1.0

    @property
    def weights_from(self) -> str | None:
        """The node that weights travel from at a switch, if they do."""
        if isinstance(self.switch_cost, str):
            return self.switch_cost.removeprefix(WEIGHTS)
        return None


def checked(instance: Instance | None, **given: Any) -> Settings:
    """The settings of what a caller gave, by the names of `Settings`.

    Parameters
    ----------
    instance
        Whose node `switch_cost` may name; None: whichever there will be.
    **given
        Values.

    Raises
    ------
    ValueError
        For a value that is not allowed.
    LookupError
        For a node that the instance does not have.
    """
    settings = Settings(**given)
    parsed(settings.requests)
    noise = number("noise", settings.noise, low=0)
    estimate = settings.estimate
    if estimate is None:
        estimate = NOISY if noise > 0 else EXACT
    estimator(estimate)
    return Settings(
        clock=_one_of("clock", settings.clock, Clock),
        requests=settings.requests,
        queues=_one_of("queues", settings.queues, Queues),
        estimate=estimate,
        delay_s=number("delay_s", settings.delay_s, low=0),
        noise=noise,
        measure=_one_of("measure", settings.measure, Measure),
        probe=_probe(settings.probe),
        switch_cost=_switch_cost(instance, settings.switch_cost),
        detect_s=number("detect_s", settings.detect_s, low=0),
    )


def _one_of(name: str, given: Any, kind: Any) -> Any:
    return choice(name, given, get_args(kind))


def _probe(given: Any) -> tuple[float, float] | None:
    if given is None:
        return None
    what = "two numbers > 0: (bytes, seconds)"
    pair = plain(given)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise wrong("probe", given, what)
    return number("probe bytes", pair[0], above=0), number("probe seconds", pair[1], above=0)


def _switch_cost(instance: Instance | None, given: Any) -> float | str | None:
    if given is None:
        return None
    if not isinstance(given, str):
        return number("switch_cost", given, low=0)
    if not given.startswith(WEIGHTS):
        raise wrong("switch_cost", given, "seconds >= 0 or weights:NODE")
    if instance is not None:
        try:
            look_up(instance.node_index, given.removeprefix(WEIGHTS), "node")
        except LookupError as error:
            raise LookupError(f"switch_cost = {given!r}: {error.args[0]}") from None
    return given
