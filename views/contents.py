"""What there is to draw of an instance or a plan: panels by name, and the sheets they stand on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

from splitfog.formulations.decision import Decision
from splitfog.formulations.overview import bound_words, percent, status_words, value_text
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from splitfog.views import style
from splitfog.views.dag.picture import DagPicture
from splitfog.views.panels.loads import crossing_panel, load_panels
from splitfog.views.panels.panel import Panel
from splitfog.views.panels.pipeline import PipelinePanel
from splitfog.views.panels.profile import ProfilePanel
from splitfog.views.panels.progress import progress_panel
from splitfog.views.panels.stages import stage_panels, stages_are_drawn
from splitfog.views.panels.timeline import timeline_panel
from splitfog.views.request_times import RequestTimes, request_lines, request_times
from splitfog.views.sheet import STRIPE, Sheet

MOST_DAGS, MOST_BOXES = 4, 120  # on one sheet, unless the first alone has more
MOST_DRAWN = 100  # DAGs on all sheets together, unless named: each takes about a second
MOST_STAGES = 3  # beside all else
MOST_REQUESTS = 3  # tasks whose times of tokens stand above all
MOST_HEIGHT = 60.0  # inches of panels below each other; the next go on a sheet of their own
LEGENDS = (
    "pipeline",
    "timeline",
    "stages",
    "profile",
)  # panels that show nodes by their colours only

Bundle = Sequence[Panel]
"""Panels that stay together."""


@dataclass
class Contents:
    """An instance, with a plan and its decision or neither; `tasks` are positions of those drawn.

    Without a decision the models are drawn (those of the tasks). `tasks` None: all, of which a
    sheet holds as many as fit; named ones are all on the first. Layers and tensors are drawn as in
    the pass that the plan's objective names, if it names one.
    """

    whole: Instance
    plan: PlanFile | None
    decision: Decision | None
    tasks: tuple[int, ...] | None = None

    @cached_property
    def instance(self) -> Instance:
        """As the objective's pass sees it."""
        return of_pass(self.whole, None if self.plan is None else self.plan.objective.pass_name)

    def sheets(self, many: bool) -> Iterator[Sheet]:
        """The sheet that shows something of everything; if `many`, then all that it leaves out."""
        first = self._first
        lines = [style.printable(self.instance.name), *self.lines]
        yield Sheet(
            lines=[*lines, *self._said(many)],
            swatches=self._swatches(first, [*self._busy(), *self._senders()]),
            dags=first,
            headings=[self._heading(dag) for dag in first],
            side=[*self._loads.values(), *islice(self._crossings(), 1)],
            below=[
                *islice(self._pipelines(), 1),
                *self._timeline,
                *chain.from_iterable(islice(self._stages(), MOST_STAGES)),
                *islice(self._profiles(), 1),
                *self._progress,
            ],
        )
        if many:
            yield from islice(self._dag_sheets(), 1, None)
            yield from self._listed("tensors that cross", map(_alone, self._crossings()), 1)
            yield from self._listed("pipelines", map(_alone, self._pipelines()), 1)
            yield from self._listed("stages", self._stages(), MOST_STAGES)
            yield from self._listed("profiles", map(_alone, self._profiles()), 1)

    def panel_sheets(self, name: str) -> Iterator[Sheet]:
        """A panel by itself: one sheet, or the first of several where one does not hold it."""
        if name == "dag":
            return self._dag_sheets()
        bundles: Mapping[str, Iterator[Bundle]] = {
            "pipeline": map(_alone, self._pipelines()),
            "timeline": map(_alone, self._timeline),
            "stages": self._stages(),
            "crossings": map(_alone, self._crossings()),
            "profile": map(_alone, self._profiles()),
            "progress": map(_alone, self._progress),
        }
        if name in self._loads:
            return iter([Sheet(below=[self._loads[name]])])
        return self._listed(name, bundles[name], 0)

    @property
    def panels(self) -> tuple[str, ...]:
        """Names of the panels that there are."""
        there = {
            "dag": True,
            **dict.fromkeys(self._loads, True),
            "crossings": next(self._crossings(), None) is not None,
            "pipeline": next(self._pipelines(), None) is not None,
            "timeline": bool(self._timeline),
            "stages": next(self._stages(), None) is not None,
            "profile": True,
            "progress": bool(self._progress),
        }
        return tuple(name for name, exists in there.items() if exists)

    def left_out(self, many: bool) -> tuple[str, ...]:
        """What the first sheet does not show (or, if `many`, none): `3 of 20 stages drawn`."""
        drawn = len(self._dags) if many else len(self._first)
        sentences = []
        if drawn < self._num_dags:
            sentences.append(f"the first {drawn} of {self._num_dags} {self._what} drawn")
        stages = self._num_stages
        if stages > MOST_STAGES and not many:
            sentences.append(f"{MOST_STAGES} of {stages} stages drawn")
        return tuple(sentences)

    def _said(self, many: bool) -> Iterator[str]:
        """What the first sheet says of what it does not show, and of what none does."""
        for sentence in self.left_out(many=False):
            here = f"{sentence} here" if many else sentence
            yield f"{here}; loads are of all" if f" {self._what} drawn" in sentence else here
        if many:
            yield from (f"{sentence} in all" for sentence in self.left_out(many=True))

    @property
    def _what(self) -> str:
        return "models" if self.decision is None else "tasks"

    @property
    def _num_dags(self) -> int:
        """All that could be drawn."""
        if self.tasks is not None:
            return len(self._dags)
        return len(self.instance.models if self.decision is None else self.instance.tasks)

    @cached_property
    def _dags(self) -> list[DagPicture]:
        """One for every task to draw, without a decision for every model; not too many."""
        instance = self.instance
        chosen = range(len(instance.tasks))[:MOST_DRAWN] if self.tasks is None else self.tasks
        if self.decision is None:
            named = dict.fromkeys(instance.model_index[instance.tasks[i].model] for i in chosen)
            models = range(len(instance.models))[:MOST_DRAWN] if self.tasks is None else named
            return [
                DagPicture(
                    instance=instance, model=instance.models[k], aspect=1.5, prefix=f"dag{k}"
                )
                for k in models
            ]
        return [
            DagPicture(
                instance=instance,
                model=instance.model_of(instance.tasks[k]),
                task=instance.tasks[k],
                decision=self.decision.tasks[k],
                aspect=1.2,
                prefix=f"dag{k}",
            )
            for k in chosen
        ]

    @cached_property
    def _first(self) -> list[DagPicture]:
        return next(self._groups())

    def _groups(self) -> Iterator[list[DagPicture]]:
        """DAGs that fit on a sheet; named tasks all on one."""
        if self.tasks is not None:
            yield self._dags
            return
        group: list[DagPicture] = []
        boxes = 0
        for dag in self._dags:
            boxes += len(dag.boxes.members)
            if group and (boxes > MOST_BOXES or len(group) == MOST_DAGS):
                yield group
                group, boxes = [], len(dag.boxes.members)
            group.append(dag)
        yield group

    def _dag_sheets(self) -> Iterator[Sheet]:
        """Nothing but DAGs and the legend."""
        number, of = 0, self._num_dags
        for group in self._groups():
            last = number + len(group)
            some = [f"{self._what} {number + 1} to {last} of {of}"]
            yield Sheet(
                lines=some if len(group) < of else [],
                swatches=self._swatches(group),
                dags=group,
                headings=[self._heading(dag) for dag in group],
            )
            number = last

    def _listed(self, what: str, bundles: Iterator[Bundle], start: int) -> Iterator[Sheet]:
        """Sheets of panels below each other, from the bundle `start` on."""
        rest = list(bundles)
        also = self._senders() if what == "timeline" else ()
        count, legend = len(rest), self._swatches(self._dags, also) if what in LEGENDS else []
        rest = rest[start:]
        while rest:
            heights = [sum(panel.height for panel in bundle) for bundle in rest]
            fit = 1
            while fit < len(rest) and sum(heights[: fit + 1]) <= MOST_HEIGHT:
                fit += 1
            first, last = count - len(rest) + 1, count - len(rest) + fit
            lines = [] if fit == count else [f"{what}: {first} to {last} of {count}"]
            yield Sheet(lines=lines, swatches=legend, below=[*chain.from_iterable(rest[:fit])])
            rest = rest[fit:]

    @cached_property
    def requests(self) -> tuple[RequestTimes, ...]:
        """Times of tokens of all tasks whose models list passes."""
        if self.decision is None or self.plan is None or self.plan.value is None:
            return ()
        return tuple(request_times(self.whole, self.decision))

    @property
    def lines(self) -> list[str]:
        """What stands above all: what the plan says of itself, and when tokens come."""
        if self.plan is None:
            return []
        several = len(self.instance.tasks) > 1
        return [
            *plan_lines(self.plan),
            *(_request_line(own, several) for own in self.requests[:MOST_REQUESTS]),
        ]

    @cached_property
    def _loads(self) -> dict[str, Panel]:
        if self.plan is None or self.decision is None:
            return {}
        return load_panels(self.instance, self.plan)

    @cached_property
    def _timeline(self) -> list[Panel]:
        if self.plan is None or self.decision is None:
            return []
        panel = timeline_panel(self.instance, self.plan, self.decision.tasks[0])
        return [] if panel is None else [panel]

    @cached_property
    def _progress(self) -> list[Panel]:
        panel = None if self.plan is None else progress_panel(self.plan)
        return [] if panel is None else [panel]

    def _crossings(self) -> Iterator[Panel]:
        """Of every task that sends something."""
        for dag in self._dags:
            if dag.task is not None and dag.crossings:
                yield crossing_panel(self.instance, dag.task, dag.crossings)

    def _pipelines(self) -> Iterator[Panel]:
        """Of every task to draw whose model lists passes."""
        drawn = {dag.task.name for dag in self._dags if dag.task is not None}
        many = len(self.instance.tasks) > 1
        return (PipelinePanel(own, many) for own in self.requests if own.task.name in drawn)

    def _stages(self) -> Iterator[Bundle]:
        """Of every task, stage by stage."""
        for dag in self._dags:
            if dag.task is not None and dag.decision is not None:
                yield from stage_panels(self.instance, dag.task, dag.decision)

    @property
    def _num_stages(self) -> int:
        return sum(
            len(dag.decision.stages)
            for dag in self._dags
            if dag.task is not None
            and dag.decision is not None
            and stages_are_drawn(self.instance, dag.task, dag.decision)
        )

    def _profiles(self) -> Iterator[Panel]:
        """Of every model, in the colours of the first task that runs it."""
        seen = set()
        for dag in self._dags:
            if dag.model.name not in seen:
                seen.add(dag.model.name)
                every = range(len(dag.model.layers))
                yield ProfilePanel(dag.model, [dag.colour([i]) for i in every])

    def _heading(self, dag: DagPicture) -> str:
        if dag.task is not None:
            return (
                "" if len(self.instance.tasks) == 1 else f"task {dag.task.name}, {dag.model.name}"
            )
        return "" if len(self.instance.models) == 1 else f"model {dag.model.name}"

    def _swatches(
        self, dags: Sequence[DagPicture], also: Iterable[str] = ()
    ) -> list[tuple[str, style.RGB]]:
        """The legend of DAGs, and of nodes that are coloured elsewhere on the sheet."""
        palette = style.Palette(self.instance)
        if self.decision is None:
            layers = [layer for dag in dags for layer in dag.model.layers]
            kinds, colours = set(map(style.op_kind, layers)), style.op_colours()
            places = sorted({place for layer in layers for place in layer.tiers or ()})
            only = [(f"only on {place}{STRIPE}", palette.place(place)) for place in places]
            return [(kind, colours[kind]) for kind in colours if kind in kinds] + only
        decisions = [dag.decision for dag in dags if dag.decision]
        used = {int(node) for decision in decisions for node in decision.placement}
        used |= {crossing.head for dag in dags for crossing in dag.crossings}
        stages = [stage for decision in decisions for stage in decision.stages]
        used |= {part.node for stage in stages for part in stage.slices}
        used |= {self.instance.node_index[name] for name in also}
        nodes = self.instance.nodes
        return [(f"{nodes[i].name} ({nodes[i].tier})", palette.nodes[i]) for i in sorted(used)]

    def _busy(self) -> Iterator[str]:
        """Nodes that bars show in their colours, wherever the drawn layers are."""
        if self.plan is not None and self.decision is not None:
            yield from (name for name, load in self.plan.nodes.items() if load.busy_s)

    def _senders(self) -> Iterator[str]:
        """Nodes in whose colours the timeline shows transfers, though they may hold no layer."""
        if self.plan is not None and self._timeline:
            yield from (link.tail for link in self.plan.links)


def _alone(panel: Panel) -> Bundle:
    return (panel,)


def _request_line(times: RequestTimes, named: bool) -> str:
    parts = [f"task {times.task.name}"] if named else []
    return style.printable(" · ".join([*parts, *request_lines(times, style.in_seconds)]))


def plan_lines(plan: PlanFile) -> list[str]:
    """What a plan says of itself, in one line, and its reason in others."""
    status = None if plan.status is None else status_words(plan.status, plan.proven_over)
    parts = [plan.solver, str(plan.objective), status]
    if plan.value is not None:
        parts.append(f"value {value_text(plan.objective.name, plan.value)}")
    if plan.bound is not None:
        over = bound_words(plan.status, plan.proven_over)
        parts.append(f"bound {value_text(plan.objective.name, plan.bound)}{over}")
    if plan.gap is not None:
        parts.append(f"gap {percent(plan.gap)}")
    if plan.stopped_by not in (None, "finished"):
        parts.append(f"stopped by {plan.stopped_by}")
    line = " · ".join(style.printable(part) for part in parts if part)
    reason = textwrap.wrap(style.printable(plan.reason or ""), 110)
    return [line, *reason[:3]]
