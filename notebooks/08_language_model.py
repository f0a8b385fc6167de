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
# `benchmarks/language_models/rules.py` (`data/language_models.csv`), and at last the fleets that
# Helix publishes. The page is `docs/language-models.md`.

# %%
import csv
from pathlib import Path
from statistics import mean, median

import splitfog as sf

FLEETS = {
    "a home": ("mac-mini-m4-pro,rtx-3090,mac-mini-m4,desktop", "gigabit"),
    "three Macs": ("mac-studio-m3-ultra,macbook-pro-m4-max,mac-mini-m4-pro", "thunderbolt-5"),
    "a lab": ("t4,l4,t4,a100-40gb", "ethernet-10g"),
}  # fmt: skip
RULES = (
    "equal", "memory-proportional", "exo", "greedy-fill", "water-fill", "edgeshard", "halda",
    "pipeedge",
)  # fmt: skip


def fleet(name, model):
    """A request to a model on one of the three."""
    machines, network = FLEETS[name]
    return sf.generate("pipeline", model=model, machines=machines, network=network, weight_bits=4.5)


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
# Who wants tokens soon and who wants many of them weigh TPOT against the period. The front has all
# plans of which none is better in both, proven.

# %%
front = sf.pareto(instance, "latency:decode,period:decode", contiguous="ring")
print(front, front.method)
for point in front.rows()[:: len(front.points) // 5]:
    token, period = point.values()
    print(f"{1e3 * token:6.1f} ms a token, {1 / period:5.1f} tokens/s pipelined")
assert front.kind == "exact"

# %% [markdown]
# ## Three fleets
#
# What the rules of the tools come to, beside the optimum by each of the two objectives.


# %%
def times(instance, solver, objective, contiguous=None):
    """TTFT, TPOT and pipelined tokens a second of a plan, as text."""
    found = sf.solve(instance, solver, objective, pass_name="decode", contiguous=contiguous)
    if not found.tasks:
        return f"no plan: {found.reason}"
    passes = found.tasks[0].passes
    period = sf.evaluate(instance, found, "period", pass_name="decode")
    first, token = passes["prefill"].latency_s, passes["decode"].latency_s
    return f"{first:8.2f} s {1e3 * token:8.1f} ms {1 / period:8.1f} tokens/s"


for name in FLEETS:
    for model in ("llama-3-8b", "llama-3-70b"):
        print(f"\n{model} on {name}{'':10s}TTFT, TPOT, pipelined")
        instance = fleet(name, model)
        for objective in ("latency", "period"):
            found = times(instance, "pipeline", objective, "ring")
            print(f"  optimum of {objective:13s}{found}")
        for rule in RULES:
            objective = "period" if rule == "pipeedge" else "latency"
            print(f"  {rule:24s}{times(instance, rule, objective)}")

# %% [markdown]
# ## A hundred fleets
#
# Every combination of the two models, home and lab machines, 3 to 7 of them, and memory that is 1.1
# to 3 times the need. Per cent above the optimum of the same fleet, where a rule has a plan; every
# optimum is proven.

# %%
with Path("data/language_models.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
FIGURES = {"latency": "token_s", "period": "period_s"}
ways = dict.fromkeys(row["way"] for row in rows)


def excess(objective, way):
    """Per cent above the optimum, fleet by fleet."""
    found = {
        (row["way"], row["seed"]): float(row[FIGURES[objective]])
        for row in rows
        if row[FIGURES[objective]]
    }
    best = f"optimum of {objective}"
    return [100 * (s / found[best, seed] - 1) for (name, seed), s in found.items() if name == way]


for objective in FIGURES:
    print(f"\n{objective} of decode: plans, mean, median and worst per cent above the optimum")
    for way in ways:
        if gaps := excess(objective, way):
            print(
                f"  {way:26s} {len(gaps):3d} {mean(gaps):7.1f} {median(gaps):7.1f} {max(gaps):6.0f}"
            )

# %% [markdown]
# Rules that deal by memory take half as long again as the optimum at the least, in the mean, and
# several times as long at worst. Those that minimise the latency come near it, and so does filling
# the fastest machine first; all of these are far from the least period. `pipeedge` minimises the
# period, and where its plan fits has it nearly always. The two objectives want different plans, as
# their optima show.

# %%
by_memory = ("equal", "memory-proportional", "exo", "greedy-fill")
assert all(row["status"] == "optimal" for row in rows if row["way"].startswith("optimum"))
assert all(mean(excess(objective, rule)) > 50 for objective in FIGURES for rule in by_memory)
for rule in ("edgeshard", "halda", "greedy-fill, fastest first"):
    assert mean(excess("latency", rule)) < 20 and mean(excess("period", rule)) > 60
assert max(excess("period", "pipeedge")) < 10 and mean(excess("latency", "pipeedge")) > 40
assert mean(excess("period", "optimum of latency")) > 60
assert mean(excess("latency", "optimum of period")) > 40

# %% [markdown]
# One of them again, to the last digit stored:

# %%
row = next(row for row in rows if row["seed"] == "57" and row["way"] == "optimum of period")
instance = sf.generate(
    "fleet",
    seed=57,
    model=row["model"],
    place=row["place"],
    machines=int(row["machines"]),
    memory_ratio=float(row["memory_ratio"]),
    weight_bits=4.5,
)
plan = sf.solve(instance, "pipeline", "period", pass_name="decode", contiguous="ring")
assert plan.status == "optimal" and abs(plan.value / float(row["period_s"]) - 1) < 1e-8
print(plan)

# %% [markdown]
# ## Replicas: the fleets of Helix
#
# Several machines may hold the same layers; what counts is how many tokens a second can flow
# through all of them. From the stored rows of `benchmarks/language_models/helix.py`
# (`data/helix.csv`): what Helix publishes, what `replicas` found, its bound, and what Helix's own
# program makes of the plan.

# %%
with Path("data/helix.csv").open(newline="") as file:
    fleets = list(csv.DictReader(file))
for own in fleets:
    published, found, bound, checked = (
        float(own[name]) for name in ("published", "found", "bound", "in_program")
    )
    assert abs(checked / found - 1) < 1e-6 and found >= published * (1 - 1e-9)
    print(
        f"{own['fleet']:20s} published {published:8.2f}, found {found:8.2f} "
        f"({100 * (found / published - 1):4.1f} % more), bound {bound:8.2f}: {own['status']}"
    )
proven = [own["fleet"] for own in fleets if own["status"] == "optimal"]
print("proven:", ", ".join(proven))

# %% [markdown]
# What is proven is the optimum of Helix's *static flow*, which knows each machine by a profile at
# one typical batch. It is no claim about served tokens: a plan of more flow may have longer
# pipelines, and so more latency, and Helix's own simulator or testbed may rank plans otherwise.
# Where it says feasible, the plan is better than the published one, and may not be the best.
