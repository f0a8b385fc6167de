"""The tables of the pages hold every field, figure, command and exit code there is, no others."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from splitfog.baselines.language_models import SOLVERS as RULES
from splitfog.commands import COMMANDS, shell
from splitfog.deployment.contest.rows import RequestRow, WayRow
from splitfog.deployment.exporters import EXPORTERS
from splitfog.deployment.profiling.predictor import Law, ModelError, Predictor
from splitfog.deployment.splitting.manifest import (
    Manifest,
    ManifestLink,
    ManifestNode,
    ModelFile,
    Part,
    PartSlice,
    Predicted,
    Tensor,
)
from splitfog.formulations.audit import Audit
from splitfog.formulations.evaluation.terms import Term
from splitfog.formulations.fronts.front import FrontFile, FrontPoint
from splitfog.formulations.objective import OBJECTIVES, Objective
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import CrossedLink, FailureTable, HeldWeights
from splitfog.formulations.parametric.planes import Cell, Plane, Side
from splitfog.formulations.parametric.policy_file import PlanTableFile, PolicyFile
from splitfog.formulations.parametric.policy_table import PolicyPiece
from splitfog.formulations.plan_file import (
    LinkLoad,
    NodeEntry,
    PassEntry,
    PlanFile,
    PlanReplica,
    PlanSchedule,
    PlanSlice,
    PlanStage,
    Status,
    TaskEntry,
)
from splitfog.formulations.tiles.stage_shape import ELEMENTWISE, WINDOWED
from splitfog.instances.importers import IMPORTERS
from splitfog.instances.instance import InstanceFile
from splitfog.instances.records import Layer, Link, Model, Node, Op, Pass, Task, Window
from splitfog.instances.traces.generators import TRACE_FAMILIES
from splitfog.instances.traces.importers.forms import FORMS
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import TraceFile
from splitfog.solvers.repair.events import Events
from splitfog.studies.replays.event_rows import EventRow
from splitfog.studies.row import Result
from splitfog.studies.statistics.line import StatisticsRow
from splitfog.studies.study_files.records import StudyContent
from splitfog.studies.summary import SummaryRow
from tests.docs.pages import FOLDER, table

REQUIRED = "required"

RECORDS: dict[tuple[str, str], type[msgspec.Struct]] = {
    ("instance-file.md", "The file"): InstanceFile,
    ("instance-file.md", "A node"): Node,
    ("instance-file.md", "A link"): Link,
    ("instance-file.md", "A model"): Model,
    ("instance-file.md", "A pass"): Pass,
    ("instance-file.md", "A layer"): Layer,
    ("instance-file.md", "A window"): Window,
    ("instance-file.md", "A task"): Task,
    ("trace-file.md", "The trace"): TraceFile,
    ("trace-file.md", "A series"): Series,
    ("plan-file.md", "The plan"): PlanFile,
    ("plan-file.md", "The objective"): Objective,
    ("plan-file.md", "A task's plan"): TaskEntry,
    ("plan-file.md", "A replica"): PlanReplica,
    ("plan-file.md", "A pass's load"): PassEntry,
    ("plan-file.md", "A stage"): PlanStage,
    ("plan-file.md", "A slice"): PlanSlice,
    ("plan-file.md", "The schedule"): PlanSchedule,
    ("plan-file.md", "A node's load"): NodeEntry,
    ("plan-file.md", "A link's load"): LinkLoad,
    ("plan-file.md", "A term"): Term,
    ("plan-file.md", "The policy"): PolicyFile,
    ("plan-file.md", "A piece"): PolicyPiece,
    ("plan-table.md", "The table"): PlanTableFile,
    ("plan-table.md", "A figure"): Figure,
    ("plan-table.md", "A crossed link"): CrossedLink,
    ("plan-table.md", "What a node holds"): HeldWeights,
    ("plan-table.md", "A cell"): Cell,
    ("plan-table.md", "A side"): Side,
    ("plan-table.md", "A plane"): Plane,
    ("plan-table.md", "A failure"): FailureTable,
    ("plan-file.md", "The front"): FrontFile,
    ("plan-file.md", "A point"): FrontPoint,
    ("replay.md", "A request's row"): RequestRow,
    ("replay.md", "A way's row"): WayRow,
    ("repair.md", "An event's row"): EventRow,
    ("repair.md", "The events"): Events,
    ("parts.md", "The manifest"): Manifest,
    ("parts.md", "The model's file"): ModelFile,
    ("parts.md", "What is predicted"): Predicted,
    ("parts.md", "A node that takes part"): ManifestNode,
    ("parts.md", "A link that is crossed"): ManifestLink,
    ("parts.md", "A part"): Part,
    ("parts.md", "A part that is a slice"): PartSlice,
    ("parts.md", "A tensor"): Tensor,
    ("real-models.md", "The predictor"): Predictor,
    ("real-models.md", "A law"): Law,
    ("real-models.md", "An error"): ModelError,
    ("study-file.md", "The study"): StudyContent,
    ("results.md", "A result"): Result,
    ("results.md", "A line of the summary"): SummaryRow,
    ("results.md", "A line of the statistics"): StatisticsRow,
}


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """In JSON's values; `REQUIRED` where there is none, and of what every file must say."""
    if field.required or field.name in ("format", "version"):
        return REQUIRED
    factory = field.default_factory
    value = field.default if factory is msgspec.NODEFAULT else factory()
    return json.loads(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("place", "record"), RECORDS.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_a_record_is_described_whole(place: tuple[str, str], record: Any) -> None:
    """Its table has a row for each field, with the field's default, and no other row."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(record)}
    rows = table(*place)
    assert set(rows) == set(fields)
    for name, (meaning, default) in rows.items():
        stated = REQUIRED if default == REQUIRED else json.loads(default.strip("`"))
        assert stated == default_of(fields[name]), f"{place}: {name}"
        for choice in choices(fields[name].type):
            assert f"`{choice}`" in meaning, f"{place}: {name} may be {choice}"


def choices(kind: Any) -> list[str]:
    """The texts that a field may hold, where these are few; `op` has a sentence of its own."""
    texts = [value for value in get_args(kind) if isinstance(value, str)]
    inner = [text for part in get_args(kind) if not isinstance(part, str) for text in choices(part)]
    found = [*texts, *inner]
    return [] if len(found) < 2 or len(found) > 10 else found


def test_every_operator_is_named() -> None:
    """In the list of `instance-file.md`; those that can be sliced in `slices.md`, too."""
    listed = _said("instance-file.md", "The operators are", ". An `input` layer")
    assert all(f"`{op}`" in listed for op in get_args(Op))
    sliced = _said("slices.md", "every operator is", ". Convolutions")
    named = {op for op in get_args(Op) if f"`{op}`" in sliced}
    assert named == WINDOWED | ELEMENTWISE


def _said(page: str, after: str, before: str) -> str:
    """The words of a page between two others."""
    text = " ".join((FOLDER / page).read_text().split())
    assert after in text and before in text.partition(after)[2]
    return text.partition(after)[2].partition(before)[0]


def test_every_objective_is_in_the_table() -> None:
    """Of `costs.md`."""
    assert set(table("costs.md", "What a plan costs")) == set(OBJECTIVES)


def test_every_status_is_in_its_table() -> None:
    """The second table of `The plan`."""
    section = (FOLDER / "plan-file.md").read_text().partition("| status | means |")[2]
    rows = section.partition("\n\n")[0].splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(get_args(Status))


def test_every_figure_of_an_audit_is_in_the_table() -> None:
    """Of `matching.md`."""
    assert set(table("matching.md", "The audit")) == set(Audit.__struct_fields__)


def test_every_command_is_in_the_table() -> None:
    """Of `command-line.md`."""
    assert set(table("command-line.md", "The command line")) == set(COMMANDS)


def test_every_format_of_export_is_in_the_table() -> None:
    """Of `exporting.md`."""
    assert set(table("exporting.md", "Formats")) == {each.name for each in EXPORTERS}


def test_every_format_of_import_is_in_the_table() -> None:
    """Of `importing.md`, with its options."""
    rows = table("importing.md", "Instances from other tools' files")
    told = {name: cells[-1].replace("`", "") for name, cells in rows.items()}
    assert told == {each.name: ", ".join(each.options) for each in IMPORTERS}


def test_every_rule_for_language_models_is_in_the_table() -> None:
    """Of `language-models.md`: those that make one pipeline."""
    rules = {info.name for info in RULES if "throughput" not in info.objectives}
    assert set(table("language-models.md", "What rules do")) == rules


def test_every_family_and_form_of_traces_is_in_its_table() -> None:
    """Of `trace-file.md`."""
    assert set(table("trace-file.md", "Families of traces")) == set(TRACE_FAMILIES)
    assert set(table("trace-file.md", "Logs of others")) == set(FORMS)


def test_every_exit_code_is_in_the_table() -> None:
    """Of `command-line.md`, and no other."""
    names = ("DONE", "CHECK_FAILED", "BAD_INPUT", "INFEASIBLE", "UNKNOWN", "ERROR", "INTERRUPTED")
    codes = {str(getattr(shell, name)) for name in names}
    assert set(table("command-line.md", "Exit codes")) == codes
