"""Every number of the worked examples on the pages is computed anew, by splitfog and by itself."""

from __future__ import annotations

import doctest
import json
import re
from math import isclose
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.games.audit import audit_again
from splitfog.formulations.objective import OBJECTIVES
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from tests.docs.pages import PAGES, Block, Example, blocks, examples

ALL = examples()
PLANS = [example for example in ALL if example.format == "splitfog/plan"]
SUMS = [(page, block) for page in PAGES for block in blocks(page) if block.kind == "sums"]


def of_format(name: str) -> list[Example]:
    return [example for example in ALL if example.format == f"splitfog/{name}"]


def loaded(example: Example, folder: Path) -> tuple[Instance, PlanFile]:
    (folder / "instance.json").write_text(example.instance)
    (folder / "plan.json").write_text(example.file)
    return sf.load_instance(folder / "instance.json"), sf.load_plan(folder / "plan.json")


def results(block: Block) -> list[float]:
    """The right sides of a block of sums."""
    return [float(line.rpartition(" = ")[2]) for line in block.text.splitlines()]


def numbers(text: str) -> set[float]:
    """All numbers in a text."""
    return {float(word) for word in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", text)}


def parametrised(found: list[Example]) -> pytest.MarkDecorator:
    names = [f"{example.page}-{position}" for position, example in enumerate(found)]
    return pytest.mark.parametrize("example", found, ids=names)


def test_each_objective_has_an_example() -> None:
    """One whose value is stated and worked out in sums."""
    worked = [json.loads(example.file) for example in PLANS if example.after]
    assert {plan["objective"]["name"] for plan in worked if "value" in plan} == set(OBJECTIVES)
    assert {plan["objective"].get("transfers") for plan in worked} == {None, "once", "per-edge"}


@pytest.mark.parametrize(("page", "block"), SUMS, ids=lambda part: getattr(part, "stem", ""))
def test_sums_are_right(page: Path, block: Block) -> None:
    """Of each line `words  expression = number` the expression gives the number."""
    for line in block.text.splitlines():
        words, _, sum_ = line.partition("  ")
        left, _, right = sum_.rpartition(" = ")
        found = eval(left, {"__builtins__": {}}, {"max": max})
        assert isclose(found, float(right), rel_tol=1e-9), f"{page.name}: {words}: {found}"


@pytest.mark.parametrize("example", [e for e in ALL if e.after and e.after.kind == "sums"])
def test_a_sum_is_used(example: Example) -> None:
    """Each result stands in a later sum or in the file: so none is wrong beside the others."""
    assert example.after is not None
    lines = example.after.text.splitlines()
    for position, result in enumerate(results(example.after)):
        later = numbers("\n".join(lines[position + 1 :])) | numbers(example.file)
        assert any(isclose(result, number) for number in later), lines[position]


@parametrised(PLANS)
def test_a_plan_is_true(example: Example, tmp_path: Path) -> None:
    """All its claims are, and its value is what `evaluate` gives and where its sums end."""
    instance, plan = loaded(example, tmp_path)
    if plan.value is None:
        assert example.after is not None
        assert sf.violations(instance, plan) == example.after.text.splitlines()
        return
    assert sf.violations(instance, plan) == []
    assert false_claims(instance, plan, audit_again(instance, plan)) == []
    assert isclose(sf.evaluate(instance, plan), plan.value, rel_tol=1e-9)
    assert example.after is not None
    assert isclose(results(example.after)[-1], plan.value, rel_tol=1e-9)


@parametrised([example for example in PLANS if '"status": "optimal"' in example.file])
def test_an_optimum_is_the_optimum(example: Example, tmp_path: Path) -> None:
    """`solve` proves the same value over the same plans."""
    instance, plan = loaded(example, tmp_path)
    best = sf.solve(instance, objective=plan.objective.name)
    assert (best.status, best.proven_over) == ("optimal", plan.proven_over)
    assert plan.value is not None
    assert best.value == pytest.approx(plan.value, rel=1e-9)
    assert plan.lower_bound == pytest.approx(plan.value, rel=1e-9)


POLICIES = of_format("policy")


@parametrised([example for example in POLICIES if '"version": 1' in example.file])
def test_a_policy_is_what_policy_finds(example: Example, tmp_path: Path) -> None:
    """The same pieces; its sums end in the break points."""
    (tmp_path / "instance.json").write_text(example.instance)
    (tmp_path / "policy.json").write_text(example.file)
    stated = sf.load_policy(tmp_path / "policy.json")
    assert isinstance(stated, sf.Policy)
    assert stated.link is not None
    instance = sf.load_instance(tmp_path / "instance.json")
    found = sf.policy(instance, link=stated.link, low_bps=stated.low, high_bps=stated.high)
    assert [piece.placement for piece in found.pieces] == [p.placement for p in stated.pieces]
    for piece, other in zip(found.pieces, stated.pieces, strict=True):
        assert piece.low == pytest.approx(other.low, rel=1e-9)
        assert piece.alpha_s == pytest.approx(other.alpha_s, rel=1e-9)
        assert piece.beta == pytest.approx(other.beta, rel=1e-9)
    assert example.after is not None
    points = results(example.after)[-len(stated.break_points) :]
    assert points == pytest.approx(list(stated.break_points), rel=1e-9)


@parametrised([example for example in POLICIES if '"version": 2' in example.file])
def test_a_plan_table_is_what_plan_table_finds(example: Example, tmp_path: Path) -> None:
    """The same plans with the same planes, and the same questions."""
    (tmp_path / "instance.json").write_text(example.instance)
    (tmp_path / "table.json").write_text(example.file)
    stated = sf.load_policy(tmp_path / "table.json")
    assert isinstance(stated, sf.PlanTable)
    vary = {figure.key: (figure.low, figure.high) for figure in stated.figures}
    found = sf.plan_table(tmp_path / "instance.json", vary)
    assert (found.placements, found.links) == (stated.placements, stated.links)
    assert (found.held, found.asked, found.status) == (stated.held, stated.asked, stated.status)
    assert found.figures == stated.figures
    for plane, other in zip(found.cells[0].planes, stated.cells[0].planes, strict=True):
        assert plane is not None
        assert other is not None
        assert plane.alpha_s == pytest.approx(other.alpha_s, rel=1e-9)
        assert plane.slopes == pytest.approx(other.slopes, rel=1e-9)
        assert plane.crossings == other.crossings


@parametrised(of_format("front"))
def test_a_front_is_what_pareto_finds(example: Example, tmp_path: Path) -> None:
    """The same points and kind; its sums are the first values."""
    (tmp_path / "instance.json").write_text(example.instance)
    (tmp_path / "front.json").write_text(example.file)
    stated = sf.load_front(tmp_path / "front.json")
    instance = sf.load_instance(tmp_path / "instance.json")
    found = sf.pareto(instance, objectives=stated.objectives)
    assert (found.kind, found.method) == (stated.kind, stated.method)
    for point, other in zip(found.points, stated.points, strict=True):
        assert list(point.values) == pytest.approx(list(other.values), rel=1e-9)
        assert [t.placement for t in point.tasks] == [t.placement for t in other.tasks]
    assert example.after is not None
    first = [point.values[0] for point in stated.points]
    assert results(example.after) == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if ">>> " in p.read_text()], ids=lambda p: p.stem
)
def test_python_on_a_page_says_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that holds the page's instances by their names."""
    monkeypatch.chdir(tmp_path)
    for block in blocks(page):
        if block.format == "splitfog/instance":
            Path(f"{json.loads(block.text)['name']}.json").write_text(block.text)
    code = "".join(block.text for block in blocks(page) if block.kind == "python")
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_instances_of_one_name_are_the_same() -> None:
    """Pages repeat an instance, so that each can be read alone; they must not drift apart."""
    seen: dict[str, str] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.format == "splitfog/instance":
                name = json.loads(block.text)["name"]
                assert seen.setdefault(name, block.text) == block.text, f"{page.name}: {name}"
    assert seen
