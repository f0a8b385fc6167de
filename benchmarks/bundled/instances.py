"""Makes the bundled instances with their proven optima: `python -m benchmarks.bundled.instances`.

An optimum is written only where a solver proves it (gap <= 1e-6); what is not proven within the
time limit is left out of `meta.optimum`, and its bounds go to `meta.bounds`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from splitfog import Instance, generate, save_instance, solve
from splitfog.instances.files import with_meta
from splitfog.instances.records import changed

FOLDER = Path(__file__).parents[2] / "instances" / "data"
TIME_LIMIT_S = 60.0

D3_NETWORKS = ("alexnet", "vgg-16", "resnet-18", "darknet-53", "inception-v4")
BACKHAULS = ("3g", "4g", "wi-fi", "fibre")
PLANS: dict[str, dict[str, Any]] = {
    "latency": {"objective": "latency", "solver": "ilp"},
    "latency, per-edge": {"objective": "latency", "solver": "ilp", "transfers": "per-edge"},
    "latency, not monotone": {"objective": "latency", "solver": "ilp", "monotone": False},
    "period": {"objective": "period", "solver": "ilp"},
    "makespan": {"objective": "makespan", "solver": "cp-sat"},
}
MEAN = {"mean-latency": {"objective": "mean-latency"}}
"""Of several tasks."""
D3 = "the five networks recalled of D3 on three-tier networks with the uplinks used by DADS"
OURS = "made for splitfog by its generator; see meta.generator"

FORKS = {"layers": 40, "width": 6, "speed_ratio": 1.5, "heterogeneity": 0.9}
"""Branches on nodes of nearly the same speed, of which each is better at other layers: what is best
for one layer after another, or for one cut through all, is not best."""
PI_3_AND_4 = {"device": "raspberry-pi-3", "edge": "raspberry-pi-4", "edge_cloud": "3g"}
"""Behind so slow an uplink several edge nodes are worth slicing for."""


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
        "dag-forks-a": ("random-dag", {**FORKS, "ccr": 0.5, "seed": 0}),
        "dag-forks-b": ("random-dag", {**FORKS, "ccr": 0.2, "seed": 2}),
        "dag-two-fogs-a": ("random-dag", {**FORKS, "tiers": 4, "ccr": 0.5, "seed": 2}),
        "dag-two-fogs-b": ("random-dag", {**FORKS, "tiers": 4, "ccr": 0.2, "seed": 3}),
        "vgg-16-four-edges": ("three-tier", {**PI_3_AND_4, "model": "vgg-16", "edge_nodes": 4}),
        "tiny-yolov2-three-edges": (
            "three-tier",
            {**PI_3_AND_4, "model": "tiny-yolov2", "edge_nodes": 3},
        ),
        "fog-10-users": ("fog", {"users": 10, "seed": 1}),
        "fog-20-users": ("fog", {"users": 20, "seed": 2}),
        "fog-10-users-slow-radio": ("fog", {"users": 10, "seed": 3, "bandwidth_scale": 0.3}),
    }
    for name, (family, options) in others.items():
        made[name] = with_meta(generate(family, **options), reference=OURS)
    return made


def with_optima(instance: Instance) -> Instance:
    """The instance with what is proven about it: of sliced plans nothing, unless it says so."""
    optimum, bounds = {}, {}
    for name, how in (PLANS if len(instance.tasks) == 1 else MEAN).items():
        plan = solve(instance, time_limit_s=TIME_LIMIT_S, **how)
        found = f"{plan.status} {plan.value} by {plan.solver} in {plan.runtime_s:.2f} s"
        print(f"  {name}: {found}", flush=True)
        if plan.status == "optimal":
            optimum[name] = plan.value
        elif plan.value is not None:
            bounds[name] = [plan.lower_bound, plan.value]
    return with_meta(instance, optimum=optimum, **({"bounds": bounds} if bounds else {}))


def main() -> None:
    """Write every bundled instance anew, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which ones; default: all")
    chosen = parser.parse_args().names
    for name, instance in instances().items():
        if chosen and name not in chosen:
            continue
        print(name)
        save_instance(with_optima(changed(instance, name=name)), FOLDER / f"{name}.json.gz")


if __name__ == "__main__":
    main()
