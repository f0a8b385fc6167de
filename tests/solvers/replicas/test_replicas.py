"""`replicas`: against all plans of small fleets, and its bounds by hand."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.replicas.aligned import Groups
from splitfog.solvers.replicas.capped import capped_bound
from splitfog.solvers.replicas.carried import Carrying
from splitfog.solvers.replicas.covering import cover_of
from splitfog.solvers.replicas.crossing import crossing_bound
from splitfog.solvers.replicas.fleet import fleet_of
from splitfog.solvers.replicas.search import improved
from splitfog.testing import check_plan
from tests.cases.golden import THROUGHPUTS, case
from tests.cases.small_fleets import most_of_all, random_fleet

NEARLY = 1e-9


@pytest.mark.parametrize("name", THROUGHPUTS)
@pytest.mark.parametrize("partial", [False, True])
def test_golden_optima(name: str, partial: bool) -> None:
    """Found and proven, as `auto` chooses it."""
    instance, data = case(name)
    (best,) = (own["value"] for own in data["optima"] if own["partial"] == partial)
    plan = sf.solve(instance, None, "throughput", partial=partial)
    assert (plan.status, plan.proven_over, plan.solver) == ("optimal", "all", "replicas")
    assert plan.value == pytest.approx(best, rel=NEARLY)
    check_plan(instance, plan)


@pytest.mark.parametrize("seed", range(10))
def test_the_best_of_all_plans(seed: int) -> None:
    """Small fleets of all kinds, half of them partial; what carries nothing is infeasible."""
    instance, partial = random_fleet(seed), seed % 2 == 1
    most = most_of_all(instance, partial)
    plan = sf.solve(instance, "replicas", "throughput", partial=partial)
    assert plan.status == ("optimal" if most else "infeasible")
    if most:
        assert plan.value == pytest.approx(most, rel=NEARLY)
        assert plan.upper_bound is not None and plan.upper_bound >= most * (1 - NEARLY)
        assert false_claims(instance, plan) == []


def fleet(rates: dict[str, tuple[float, ...]], layers: int, slow: float = 1e6) -> Instance:
    """Nodes that hold layers at rates, all linked; between those of other first letters slowly.

    Tensors take 1 byte, so that 8 bit/s carry one execution per second.
    """
    chain = [Layer(name="in", op="input", output_bytes=0)]
    for at in range(layers):
        before = chain[-1].name
        chain.append(
            Layer(name=f"l{at}", op="other", inputs=(before,), weight_bytes=5, output_bytes=1)
        )
    names = list(rates)
    return Instance(
        name="by-hand",
        tiers=("t",),
        nodes=tuple(Node(name=name, tier="t", speed_flops=1) for name in names),
        links=tuple(
            Link(tail=a, head=b, bandwidth_bps=8e6 if a[0] == b[0] else 8 * slow)
            for at, a in enumerate(names)
            for b in names[:at]
        ),
        models=(Model(name="m", layers=tuple(chain), stage_rates=rates),),
        tasks=(Task(name="job", model="m", source=names[0]),),
        routing="direct",
    )


def test_all_work_together_is_a_bound() -> None:
    """Rates 4 and 2 for one and two layers, twice: each does 4 of the 2 F that F needs."""
    table = np.array([[0.0, 4.0, 2.0], [0.0, 4.0, 2.0]])
    assert capped_bound(table) == pytest.approx(4.0)
    assert capped_bound(table[:, :2]) == pytest.approx(8.0)  # one layer, twice at 4
    assert capped_bound(np.array([[0.0, 4.0, 0.0]])) == 0  # two layers do not fit


def test_a_cover_refutes_what_work_allows() -> None:
    """Three nodes of one layer each at 1: work allows 3/2, but one of two layers is held once."""
    table = np.array([[0.0, 1.0, 0.0]])
    assert capped_bound(np.repeat(table, 3, axis=0)) == pytest.approx(1.5)
    assert cover_of(table, (3,), 1.01, NEVER) is False
    assert cover_of(table, (3,), 1.0, NEVER) == [(0, 0, 1), (1, 0, 1)]
    plan = sf.solve(fleet(dict.fromkeys("abc", (1.0,)), 2), "replicas", "throughput")
    assert (plan.status, plan.value) == ("optimal", pytest.approx(1.0))


def test_stages_of_groups() -> None:
    """Two nodes of rate 3 and two of rate 2: one of each type hold a layer at 5, two of one type at
    a site at 4."""
    groups = Groups(np.array([[0.0, 3.0, 1.5], [0.0, 2.0, 0.0]]), (2, 2), (0, 0))
    stages = groups.stages(3.0)
    assert stages is not None and sum(held for held, _ in stages) == 2
    assert groups.rate(stages) >= 3.0
    together = groups.stages(5.0)
    assert together == [(1, (1, 1)), (1, (1, 1))]
    assert groups.stages(5.1) is None
    apart = Groups(groups.by_count, groups.counts, (0, 1))
    assert apart.stages(4.0) is not None
    assert apart.stages(4.1) is None


def test_crossings_between_sites_have_a_price() -> None:
    """Two sites of two nodes, each one layer at 10, three layers, 2 per second between sites.

    Work allows 40/3; at 12 there are 40 - 36 = 4 to spare, but of two nodes with a link between
    them that pass at most 14 together the losses are at least 2 (10 - 7) / 7 an execution, of which
    half of 12 counts: 36/7 > 4. The best is 4: two links from one node, or to one.
    """
    instance = fleet(dict.fromkeys(("a0", "a1", "b0", "b1"), (10.0,)), 3, slow=2.0)
    own = fleet_of(instance, Objective("throughput"))
    work = capped_bound(own.by_count)
    bound = crossing_bound(own, Carrying(own).links, work)
    assert 4 <= bound < 12 < work
    plan = sf.solve(instance, "replicas", "throughput")
    assert plan.value == pytest.approx(4.0)
    assert plan.upper_bound is not None and plan.upper_bound <= bound * (1 + 1e-6)


def test_walks_get_no_worse() -> None:
    """From nothing to something on three nodes, the same for the same seed."""
    own = fleet_of(fleet(dict.fromkeys("abc", (3.0, 2.0)), 3), Objective("throughput"))
    carrying, start = Carrying(own), {0: (0, 1)}
    found = [improved(carrying, start, 4.0, np.random.default_rng(3), 200, NEVER) for _ in range(2)]
    assert found[0] == found[1]
    assert carrying.value(found[0]) > carrying.value(start) == 0


def test_a_model_that_fits_nowhere() -> None:
    """Infeasible with how much finds no place."""
    plan = sf.solve(fleet({"a": (1.0,), "b": (1.0,)}, 3), "replicas", "throughput")
    assert plan.status == "infeasible"
    assert "all nodes together hold at most 2 of 3 layers" in (plan.reason or "")


def test_bytes_that_are_missing() -> None:
    """Three layers of 5 bytes where there is room for 6 and 5."""
    instance = fleet({"a": (1.0, 1.0, 1.0), "b": (1.0, 1.0, 1.0)}, 3)
    rooms = zip(instance.nodes, (6, 5), strict=True)
    tight = changed(instance, nodes=tuple(changed(n, memory_bytes=room) for n, room in rooms))
    plan = sf.solve(tight, "replicas", "throughput")
    assert plan.status == "infeasible" and "4 bytes are missing" in (plan.reason or "")


def test_a_start_is_kept() -> None:
    """The answer is never worse than a start of replicas."""
    instance, _ = case("throughput-1")
    first = sf.solve(instance, "replicas", "throughput")
    again = sf.solve(instance, "petals", "throughput", start=first)
    assert again.value == first.value


@pytest.mark.parametrize(
    ("solver", "ranges"),
    [
        # the fewest stages that all can hold are two of one layer: a and c, then b joins the other
        ("swarm", {"a": (0, 1), "b": (1, 2), "c": (1, 2)}),
        # a holds both, b (one layer) the first of equally served, c the other
        ("petals", {"a": (0, 2), "b": (0, 1), "c": (1, 2)}),
    ],
)
def test_where_machines_join(solver: str, ranges: dict[str, tuple[int, int]]) -> None:
    """By hand, rates 3 and 2 for a, 2 for b and c."""
    rates = {"a": (3.0, 2.0), "b": (2.0,), "c": (2.0,)}
    plan = sf.solve(fleet(rates, 2), solver, "throughput")
    held = {own.node: own.layers for own in plan.tasks[0].replicas or ()}
    assert held == ranges
