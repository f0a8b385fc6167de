"""Makes the bundled instances with their proven optima: `python -m benchmarks.bundle`.

An optimum is written only where a solver proves it (gap <= 1e-6); what is not proven within the
time limit is left out of `meta.optimum`, and its bounds go to `meta.bounds`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.common import asked_for
from splitfog import Instance, generate, save_instance, solve
from splitfog.instances.files import with_meta

FOLDER = Path(__file__).parent.parent / "instances" / "data"
TIME_LIMIT_S = 60.0

D3_NETWORKS = ("alexnet", "vgg-16", "resnet-18", "darknet-53", "inception-v4")
BACKHAULS = ("3g", "4g", "wi-fi", "fibre")
PLANS: dict[str, dict[str, Any]] = {
    "latency": {"objective": "latency"},
    "latency, per-edge": {"objective": "latency", "transfers": "per-edge"},
    "latency, not monotone": {"objective": "latency", "monotone": False},
    "period": {"objective": "period", "solver": "ilp"},
    "makespan": {"objective": "makespan", "solver": "cp-sat"},
}
D3 = "the five networks recalled of D3 on three-tier networks with the uplinks used by DADS"
OURS = "made for splitfog by its generator; see meta.generator"


def instances() -> dict[str, Instance]:
    """File name -> instance."""
    made = {
        f"{network}-{backhaul}": with_meta(
            generate("three-tier", model=network, edge_cloud=backhaul), reference=D3
        )
        for network in D3_NETWORKS
        for backhaul in BACKHAULS
    }
    others: dict[str, tuple[str, dict[str, Any]]] = {
        "googlenet-4g-results": ("three-tier", {"model": "googlenet", "results_to": "device"}),
        "mobilenet-v2-pi3": ("three-tier", {"model": "mobilenet-v2", "device": "raspberry-pi-3"}),
        "vit-b-16-5g": ("three-tier", {"model": "vit-b-16", "edge_cloud": "5g"}),
        "squeezenet-two-edges": ("three-tier", {"model": "squeezenet-1.0", "edge_nodes": 2}),
        "nin-direct-cloud": ("three-tier", {"model": "nin", "direct_cloud": "4g"}),
        "chain-5-tiers": ("line", {"tiers": 5, "layers": 30, "seed": 5}),
        "dag-small": ("random-dag", {"layers": 12, "width": 3, "seed": 7}),
        "dag-ccr-5": ("random-dag", {"layers": 60, "width": 4, "ccr": 5.0, "seed": 8}),
    }
    for name, (family, options) in others.items():
        made[name] = with_meta(generate(family, **options), reference=OURS)
    return made


def with_optima(instance: Instance) -> Instance:
    """The instance with what is proven about it."""
    optimum, bounds = {}, {}
    for name, how in PLANS.items():
        plan = solve(instance, time_limit_s=TIME_LIMIT_S, **how)
        found = f"{plan.status} {plan.value} by {plan.solver} in {plan.runtime_s:.2f} s"
        print(f"  {name}: {found}", flush=True)
        if plan.status == "optimal":
            optimum[name] = plan.value
        elif plan.value is not None:
            bounds[name] = [plan.lower_bound, plan.value]
    return with_meta(instance, optimum=optimum, **({"bounds": bounds} if bounds else {}))


def main() -> None:
    """Write every bundled instance anew."""
    for name, instance in instances().items():
        print(name)
        save_instance(with_optima(replace(instance, name=name)), FOLDER / f"{name}.json.gz")


if __name__ == "__main__":
    asked_for(__doc__)
    main()
