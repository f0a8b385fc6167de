"""Models with passes, state and contiguous placements: exactly, or declined with a sentence."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.registry import solver_infos
from splitfog.solvers.search import evolution
from tests.cases.enumeration.passes import with_passes
from tests.cases.golden import PASSES, SHARED, case, number
from tests.checks import check_against_optimum, check_plan, solved

ASKED: tuple[dict[str, Any], ...] = (
    {"objective": "latency"},
    {"objective": "latency", "pass_name": "decode", "monotone": False},
    {"objective": "latency", "contiguous": "ring", "monotone": False},
    {"objective": "period", "pass_name": "decode", "contiguous": "line"},
)


@pytest.mark.parametrize("name", [*PASSES, SHARED])
@pytest.mark.parametrize("solver", ["brute-force", "ilp"])
def test_optima_by_enumeration(name: str, solver: str) -> None:
    """Of every objective, pass and kind of placement: the optimum, or that there is no plan."""
    instance, data = case(name)
    for listed in data["optima"]:
        asked = {
            key: listed[key] for key in ("objective", "transfers", "monotone") if key in listed
        }
        how = {"pass_name": listed.get("pass"), "contiguous": listed["contiguous"]}
        plan = sf.solve(instance, solver, **asked, **how)
        assert plan.status == ("infeasible" if listed["value"] is None else "optimal")
        assert number(plan.value) == pytest.approx(number(listed["value"]), rel=1e-6)
        check_plan(instance, plan)


@pytest.mark.parametrize(
    "instance",
    [
        with_passes(3, "line"),
        with_passes(1, "direct", chain=False, roomy=False),
        with_passes(2, "mesh", chain=False),
    ],
    ids=lambda instance: instance.name,
)
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "-".join(map(str, asked.values())))
def test_contract(instance: Instance, asked: dict[str, Any]) -> None:
    """Nothing that any solver claims contradicts the optimum by brute force."""
    best = sf.solve(instance, "brute-force", **asked)
    least = inf if best.value is None else best.value
    for info in solver_infos():
        if asked["objective"] in info.objectives and info.name != "evolution":
            plan = solved(instance, info.name, **asked, time_limit_s=20)
            if plan is not None:
                check_against_optimum(plan, least)


@pytest.mark.parametrize("network", ["line", "mesh", "direct"])
def test_chains_by_shortest_paths_and_cuts(network: Any) -> None:
    """Chains with a tensor that is not always sent: chain-dp proves the optimum on any network, as
    does min-cut on a line."""
    for seed in range(4):
        instance = with_passes(seed, network)
        for pass_name in (None, "decode"):
            best = sf.solve(instance, "brute-force", pass_name=pass_name)
            for solver in ("chain-dp", "min-cut") if network == "line" else ("chain-dp",):
                plan = sf.solve(instance, solver, pass_name=pass_name)
                assert plan.status == "optimal"
                assert plan.value == pytest.approx(best.value, rel=1e-9)


def test_a_search_finds_contiguous_placements(monkeypatch: pytest.MonkeyPatch) -> None:
    """By breeding, not by trying all: in a ring nothing has a run too many."""
    monkeypatch.setattr(evolution, "MOST_ENUMERATED", 0)
    instance, data = case("passes-2")
    (listed,) = [
        own
        for own in data["optima"]
        if (own["objective"], own["pass"], own["contiguous"]) == ("period", "decode", "ring")
    ]
    options = {"warm": False, "stagnation": 10}
    how: dict[str, Any] = {"pass_name": "decode", "contiguous": "ring", "options": options}
    plan = sf.solve(instance, "evolution", "period", **how)
    assert plan.value == pytest.approx(listed["value"], rel=1e-9)


def test_who_knows_one_execution_declines() -> None:
    """With what the model has and who applies; likewise for state that memory limits."""
    with pytest.raises(
        sf.SolverDeclined, match=r"executes m .* times \(prefill x 1, .*ilp applies"
    ):
        sf.solve(with_passes(1, "mesh"), "vsm")
    with pytest.raises(sf.SolverDeclined, match=r"layer b.* of m does not run in the pass"):
        sf.solve(with_passes(3, "mesh"), "vsm", pass_name="decode")
    with pytest.raises(sf.SolverDeclined, match="does not count the state of layers"):
        sf.solve(with_passes(1, "mesh", idle=False, roomy=False), "vsm", pass_name="decode")


def test_a_solver_of_others_is_asked_for_what_it_declares() -> None:
    """One that declares nothing gets a pass as a model without passes, and no more than that."""
    seen: list[Instance] = []

    def mine(request: Any) -> Any:
        seen.append(request.instance)
        return sf.solvers.base.Answer(None)  # type: ignore[attr-defined]

    info = SolverInfo(
        name="mine", summary="", kind="heuristic", objectives=("latency",), entry=mine
    )
    instance = with_passes(1, "mesh", idle=False)
    sf.solve(instance, info, pass_name="decode")
    assert seen[0].models[0].passes is None
    with pytest.raises(sf.SolverDeclined, match="mine does not apply"):
        sf.solve(instance, info)
    assert len(seen) == 1


def test_a_plan_that_is_contiguous_by_itself_is_an_answer() -> None:
    """device-only knows no contiguous placements, but its plan is one; greedy's here is none."""
    instance = with_passes(3, "line")
    plan = sf.solve(instance, "device-only", contiguous="line")
    assert plan.status == "feasible"
    assert plan.objective.contiguous == "line"


def test_a_start_for_the_whole_instance_starts_one_pass() -> None:
    """The plan of a request is a start for a pass of it: the same instance, another objective."""
    instance = with_passes(2, "mesh")
    first = sf.solve(instance, "ilp")
    again = sf.solve(instance, "ilp", pass_name="decode", start=first)
    assert again.instance_sha256 == instance.sha256
    assert again.objective.pass_name == "decode"
