"""What became of a request: when each of its steps was, what came out, or why it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from splitfog.deployment.runtime.program import Program, Step, blocked, nodes_of, said


@dataclass(frozen=True)
class Span:
    """From when to when something was done, in seconds."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end_s - self.start_s


@dataclass(kw_only=True)
class Outcome:
    """A request, as far as the driver has heard of it.

    Attributes
    ----------
    plan, program : whose it is.
    number : of the request, from 1.
    given : which of the seeded inputs it has.
    slot : its place among those under way.
    deadline_s : when it is given up, by the driver's clock.
    due_s : when it was to be sent; -inf: as soon as might be.
    begun_s : when its inputs were where they are born.
    spans : of every step that is done, by the driver's clock.
    cpu_s : CPU seconds of every part that has run.
    outputs : bytes by name.
    lost : why it will not end; None: it has ended, or is under way.
    """

    plan: str
    program: Program
    number: int
    given: int
    slot: int
    deadline_s: float
    due_s: float = -inf
    begun_s: float | None = None
    spans: dict[Step, Span] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    lost: str | None = None

    @property
    def ended(self) -> bool:
        """Whether all steps are done and all outputs are here."""
        return (
            self.begun_s is not None
            and self.spans.keys() >= self.program.steps
            and self.outputs.keys() >= self.program.ends_at.keys()
        )

    @property
    def latency_s(self) -> float:
        """From its inputs to the end of its last step; of one that has ended."""
        return self.end_s - (self.begun_s or 0.0)

    @property
    def end_s(self) -> float:
        """When its last step ended, by the driver's clock."""
        return max((span.end_s for span in self.spans.values()), default=self.begun_s or 0.0)

    def needs(self, node: str) -> bool:
        """Whether it cannot end without a node that is gone."""
        missing = self.program.steps - self.spans.keys()
        unsent = self.program.ends_at.keys() - self.outputs.keys()
        return any(node in nodes_of(step, self.program) for step in missing) or any(
            self.program.ends_at[name] == node for name in unsent
        )

    def waits_for(self) -> str:
        """What it waits for, in words."""
        if self.begun_s is None:
            return "its inputs, which the driver has sent"
        steps = blocked(self.program, self.spans.keys())
        unsent = [f"output {name}" for name in self.program.ends_at if name not in self.outputs]
        return " and ".join([said(step, self.program) for step in steps] or unsent)

    def relative(self) -> Mapping[Step, Span]:
        """The spans in seconds after the request began."""
        begun_s = self.begun_s or 0.0
        return {
            step: Span(span.start_s - begun_s, span.end_s - begun_s)
            for step, span in self.spans.items()
        }
