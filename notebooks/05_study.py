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
# # A study: how good is HPA where the nodes are about as fast?
#
# A comparison that may be killed and goes on, statistics that say how far they can be trusted, and
# what may be said in the end. Networks are random DAGs of 60 layers on three tiers of nearly the
# same speed, each better at some layers; the optimum is proven by `min-cut`.

# %%
import os
import tempfile

import matplotlib.pyplot as plt

import splitfog as sf

QUICK = bool(os.environ.get("SPLITFOG_QUICK"))
SOLVERS = ("min-cut", "hpa", "hpa-plain", "neurosurgeon")
networks = [
    sf.generate(
        "random-dag", seed, layers=60, width=4, speed_ratio=1.0001, heterogeneity=0.99, ccr=0.2
    )
    for seed in range(8 if QUICK else 50)
]
folder = tempfile.TemporaryDirectory()

# %% [markdown]
# ## Interrupted, and gone on with
#
# With a store every run is committed as soon as it has ended. Here somebody presses Ctrl-C after
# ten; the same call again runs only what is missing. On the command line: `splitfog compare ... -o
# DIR`, `splitfog study resume DIR`.

# %%
ended = []


def impatient(done, total, what):
    """Count what has ended, and lose patience once."""
    ended.append(what)
    if len(ended) == 10:
        raise KeyboardInterrupt


def study(progress):
    """The comparison, kept in the folder."""
    return sf.compare(networks, SOLVERS, baseline="hpa-plain", store=folder.name, progress=progress)


first = study(impatient)
print(f"interrupted with {len(first)} of {len(networks) * len(SOLVERS)} rows")
table = study(impatient)
print(f"then {len(table)} rows, of which {len(ended) - len(first)} were run now")

# %% [markdown]
# ## Statistics
#
# The case is the network. `gap` is to the best bound; the speed-up over `hpa-plain` is a shifted
# geometric mean with a bootstrapped 95 % interval; p is of Wilcoxon's test, adjusted after Holm
# for the number of solvers.

# %%
summary = {line.solver: line for line in table.summary()}
statistics = {line.solver: line for line in table.statistics()}
for solver in SOLVERS:
    line, own = statistics[solver], summary[solver]
    interval = f"{line.speedup_low:.3f} to {line.speedup_high:.3f}"
    print(
        f"{solver:13s} gap {own.mean_gap:6.2%}, worst {own.worst_gap:6.2%}; optimal in "
        f"{own.share_optimal:4.0%}; speed-up {line.speedup:.3f} ({interval})"
        + ("" if line.p_wilcoxon is None else f", p = {line.p_wilcoxon:.3g}")
    )

# %%
figure, axes = plt.subplots(figsize=(8, 3.5))
for solver in SOLVERS:
    gaps = sorted(100 * row.gap for row in table if row.solver == solver)
    shares = [100 * (place + 1) / len(gaps) for place in range(len(gaps))]
    axes.step([0, *gaps], [0, *shares], where="post", label=solver)
axes.set(xlabel="gap to the optimum (%)", ylabel="networks within it (%)")
axes.legend()
plt.show()

# %% [markdown]
# ## What may be said
#
# On these networks HPA is 5 to 10 % from the optimum on average, and two to three times that at
# worst; its safety net, the best single tier, helps on some of them. A single cut wins against
# `hpa-plain` on some and loses on others: eight networks do not tell which is better (p above
# 0.1), fifty do (the cut; p below 0.01). `min-cut` is better than all of them, and no slower
# ([benchmarks](../BENCHMARKS.md)). Nothing follows for chains, or for tiers of very different
# speed, where HPA is nearly always optimal: a study speaks of its instances.

# %%
assert len(first) == 10 and len(table) == len(ended) == len(networks) * len(SOLVERS)
assert all(row.status == "optimal" for row in table if row.solver == "min-cut")
assert 0.03 < summary["hpa"].mean_gap < summary["hpa-plain"].mean_gap < 0.2
assert statistics["min-cut"].speedup_low > 1 and statistics["min-cut"].p_wilcoxon < 0.05
cut = statistics["neurosurgeon"]
assert cut.won and cut.lost and (cut.p_wilcoxon > 0.1 if QUICK else cut.p_wilcoxon < 0.01)
folder.cleanup()
