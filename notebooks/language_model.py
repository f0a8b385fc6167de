# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A language model on a few unequal machines
#
# Llama-3-8B and 70B, four bits a weight, a prompt of 512 tokens and 128 new ones. Where should
# each block be? First three fleets, then a hundred from the stored rows of
# `benchmarks/language_models.py` (`data/language_models.csv`), and at last the published instances
# of Helix. The page is `docs/language-models.md`.

# %%
import csv
from collections import defaultdict
from pathlib import Path
from statistics import mean

import splitfog as sf

FLEETS = {
    "a home": ("mac-mini-m4-pro,rtx-3090,mac-mini-m4,desktop", "gigabit"),
    "four Macs": ("mac-studio-m3-ultra,macbook-pro-m4-max,mac-mini-m4-pro,mac-mini-m4", "thunderbolt-5"),
    "a lab": ("t4,l4,t4,a100-40gb", "ethernet-10g"),
}  # fmt: skip
RULES = (
    "equal", "memory-proportional", "exo", "greedy-fill", "water-fill", "edgeshard", "pipeedge",
    "halda",
)  # fmt: skip


def fleet(name, model):
    """A request to a model on one of the three."""
    machines, network = FLEETS[name]
    return sf.generate(
        "pipeline", model=model, machines=machines, network=network, weight_bits=4.5
    )


# %% [markdown]
# ## One plan
#
# `pipeline` finds the best plan and proves it. A plan tells when the first token comes (TTFT), how
# long the next ones take (TPOT), and how many a second the machines make together where as many
# requests as they can serve are under way.

# %%
instance = fleet("a home", "llama-3-70b")
plan = sf.solve(instance, "pipeline", "period", pass_name="decode", contiguous="ring")
print(plan)
sf.show(instance, plan, panel="pipeline")

# %%
sf.show(instance, plan, panel="memory")

# %% [markdown]
# ## Three fleets
#
# What the rules of the tools come to, beside the optimum by each of the two objectives.


# %%
def times(instance, way, objective):
    """TTFT, TPOT and pipelined tokens a second of a plan; None without one."""
    try:
        found = sf.solve(instance, way, objective, pass_name="decode", contiguous="ring")
    except sf.SolverDeclined:
        return None
    if not found.tasks:
        return None
    passes = found.tasks[0].passes
    period = sf.evaluate(instance, found, "period", pass_name="decode")
    return passes["prefill"].latency_s, passes["decode"].latency_s, 1 / period


for model in ("llama-3-8b", "llama-3-70b"):
    for name in FLEETS:
        print(f"\n{model} on {name}")
        print(f"{'':24s}{'TTFT, s':>10s}{'TPOT, ms':>10s}{'tokens/s':>10s}")
        instance = fleet(name, model)
        for way, objective in [
            ("pipeline", "latency"), ("pipeline", "period"), *((rule, None) for rule in RULES)
        ]:  # fmt: skip
            wanted = objective or ("period" if way == "pipeedge" else "latency")
            found = times(instance, way, wanted)
            label = f"optimum of {objective}" if objective else way
            if found is None:
                print(f"{label:24s}{'no plan':>10s}")
                continue
            first, token, rate = found
            print(f"{label:24s}{first:10.2f}{1e3 * token:10.1f}{rate:10.1f}")

# %% [markdown]
# ## A hundred fleets
#
# Every combination of the two models, home and lab machines, 3 to 7 of them, and memory that is 1.1
# to 3 times the need. Per cent above the optimum of the same fleet, where a rule has a plan.

# %%
with Path("data/language_models.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
FIGURE = {"latency": "token_s", "period": "period_s"}
best = {}
values = defaultdict(dict)
for row in rows:
    if row[FIGURE[row["objective"]]]:
        value = float(row[FIGURE[row["objective"]]])
        if row["way"] == "optimum":
            best[row["objective"], row["seed"]] = value
        else:
            values[row["objective"], row["way"]][row["seed"]] = value

excess = {
    (objective, way): [100 * (value / best[objective, seed] - 1) for seed, value in found.items()]
    for (objective, way), found in values.items()
}
for objective in FIGURE:
    print(f"\n{objective} of decode: {sum(name == objective for name, _ in best)} fleets")
    for (name, way), found in excess.items():
        if name == objective:
            print(
                f"  {way:20s} {len(found):3d} plans, {mean(found):6.1f} % above, "
                f"worst {max(found):5.0f} %, optimal {sum(gap < 1e-7 for gap in found):3d} times"
            )

# %% [markdown]
# Two of them again:

# %%
for seed in ("0", "57"):
    (row,) = [
        row for row in rows
        if (row["seed"], row["objective"], row["way"]) == (seed, "period", "optimum")
    ]  # fmt: skip
    again = sf.generate(
        "fleet",
        seed=int(seed),
        model=row["model"],
        place=row["place"],
        machines=int(row["machines"]),
        memory_ratio=float(row["memory_ratio"]),
        weight_bits=4.5,
    )
    plan = sf.solve(again, "pipeline", "period", pass_name="decode", contiguous="ring")
    assert plan.status == "optimal"
    assert abs(plan.value / best["period", seed] - 1) < 1e-8
    print(plan)
