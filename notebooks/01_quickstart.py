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
# # A first split
#
# ResNet-18 on a Raspberry Pi 4, a desktop behind Wi-Fi and a GPU server behind 4G: where should
# each layer run?

# %%
import splitfog as sf

instance = sf.generate("three-tier", model="resnet-18", edge_cloud="4g")
[(node.name, f"{node.speed_flops:.0e} FLOP/s") for node in instance.nodes]

# %% [markdown]
# `solve` picks a solver and says why. Here the nodes form a line, so one minimum cut finds the
# best placement; layers sliced over several nodes, tried next, are no faster.

# %%
plan = sf.solve(instance)
print(plan.status, f"{plan.value * 1e3:.1f} ms", plan.reason)

# %% [markdown]
# The bound is a proof: no placement is faster. Every number can be recomputed without the solver.

# %%
assert plan.lower_bound <= plan.value
assert float(sf.evaluate(instance, plan)) == plan.value
assert sf.violations(instance, plan) == []

# %% [markdown]
# What runs where, and when:

# %%
sf.show(instance, plan, panel="timeline")

# %% [markdown]
# Heuristics and published baselines, under the same cost:

# %%
table = sf.compare([instance], solvers=["min-cut", "hpa", "neurosurgeon", "device-only"])
for row in table:
    print(f"{row.solver:14s} {row.value * 1e3:8.1f} ms   gap {row.gap:7.2%}")

# %% [markdown]
# A slower link moves the cut:

# %%
moved = {}
for network in ("cat-1", "3g", "4g", "wi-fi", "ethernet"):
    other = sf.generate("three-tier", model="resnet-18", device_edge=network)
    split = sf.solve(other)
    on_device = sum(node == "device" for node in split.placement(other.tasks[0].name).values())
    moved[network] = len(other.models[0].layers) - on_device
    print(f"{network:9s} {split.value * 1e3:8.1f} ms, {on_device} layers on the device")

# %% [markdown]
# ## What follows
#
# The faster the way out, the more leaves the device: over a slow one nothing does, over Ethernet
# all but the image itself. Here a single cut and HPA find the optimum as well; that it is one,
# only the bound says. Where they do not: [the next notebook](02_partitioning.py).

# %%
assert list(moved.values()) == sorted(moved.values())
assert moved["cat-1"] == 0 and moved["ethernet"] == len(instance.models[0].layers) - 1
assert all(row.gap < 1e-6 for row in table if row.solver != "device-only")
