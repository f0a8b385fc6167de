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
# # Slices: layers that several nodes compute together
#
# VGG-16 on a Raspberry Pi, Wi-Fi to one, two or four desktops, 4G to a server. A placement gives
# every layer to one node, so more desktops are of no use to it. A slice is a rectangle of a
# layer's output: several nodes can compute one each. What is that worth, is anything lost, and how
# far could it go?

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import splitfog as sf

QUICK = bool(os.environ.get("SPLITFOG_QUICK"))
NETWORKS = ("vgg-16", "resnet-18") if QUICK else ("vgg-16", "resnet-18", "darknet-53", "alexnet")
DESKTOPS = (1, 2, 4)


def home(network, desktops):
    """A device, some edge nodes and a cloud."""
    return sf.generate("three-tier", model=network, edge_nodes=desktops)


# %% [markdown]
# ## One plan
#
# `d3` after D3: the network is partitioned over the tiers, then runs of layers are sliced over the
# nodes of a tier. In a run of several layers each node computes a margin of its neighbours' part
# again, so that it need not ask for it.


# %%
def spread(ends):
    """The rows or columns of a slice."""
    return "{}-{}".format(*ends)


instance = home("vgg-16", 4)
whole, sliced = sf.solve(instance, "ilp"), sf.solve(instance, "d3")
print(whole)
print(sliced)
for stage in sliced.tasks[0].stages:
    parts = [
        f"{piece.node} {spread(piece.rows)} x {spread(piece.columns)}" for piece in stage.slices
    ]
    print(
        f"{stage.layers[0]} .. {stage.layers[-1]} ({len(stage.layers)} layers): {', '.join(parts)}"
    )
sf.show(instance, sliced, panel="stages")

# %% [markdown]
# ## Nothing is lost
#
# The first half of Tiny-YOLOv2 for small images, run slice by slice in numpy with random weights,
# each slice from its own piece of the input alone, beside the same layers run whole.

# %%
small = sf.zoo.build("tiny-yolov2", size=96)
stage = range(1, 15)
geometry = sf.tiles.geometry(small, stage)
_, height, width = small.layers[stage[-1]].output_shape
quarters = sf.tiles.grid(height, width, 2, 2)
weights = sf.tiles.random_weights(small, stage, seed=0)
image = np.random.default_rng(0).standard_normal(small.layers[0].output_shape)
together = sf.tiles.run(small, stage, quarters, weights, image)
alone = sf.tiles.run_whole(small, stage, weights, image)
difference = np.abs(together - alone).max() / np.abs(alone).max()
print(f"{len(stage)} layers in 2 x 2 slices: they differ by {difference:.1e} of the largest value")
print("rows and columns of the image that each reads, of 96 x 96:")
print(sf.tiles.regions(geometry, quarters).input)

# %% [markdown]
# ## What it gains, beside rivals and a bound
#
# `modnn`, `aofl`, `deepthings` and `coedge` slice as their papers say, the best placement given.
# The bound is over all plans, any slices on any nodes: [how](../docs/latency-bounds.md).

# %%
RIVALS = ("modnn", "aofl", "deepthings", "coedge")
gains, gaps = {}, {}
for network in NETWORKS:
    for desktops in DESKTOPS:
        instance = home(network, desktops)
        best = sf.solve(instance, "min-cut" if desktops == 1 else "ilp")
        plan = sf.solve(instance, "d3")
        gains[network, desktops] = {"d3": best.value / plan.value}
        gains[network, desktops]["bound"] = best.value / plan.lower_bound
        gaps[network, desktops] = plan.gap
        if desktops > 1:
            for rival in RIVALS:
                other = sf.solve(instance, rival, start=best)
                gains[network, desktops][rival] = best.value / other.value

figure, axes = plt.subplots(1, len(NETWORKS), sharey=True, figsize=(4 * len(NETWORKS), 3.5))
for panel, network in zip(axes, NETWORKS, strict=True):
    for name in ("bound", "d3", *RIVALS):
        places = [n for n in DESKTOPS if name in gains[network, n]]
        style = {"color": "black", "linestyle": ":"} if name == "bound" else {"marker": "o"}
        panel.plot(places, [gains[network, n][name] for n in places], label=name, **style)
    panel.set(title=network, xlabel="desktops", xticks=DESKTOPS)
axes[0].set_ylabel("times as fast as the best placement")
axes[0].legend(fontsize="small")
plt.show()
for (network, desktops), found in gains.items():
    times = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    print(f"{network:11s} {desktops} desktops: {times}; gap {gaps[network, desktops]:.1%}")

# %% [markdown]
# ## What follows
#
# Slices gain where there is much work and little to send: VGG-16 becomes 1.4 times as fast with
# four desktops, ResNet-18 hardly at all, as its time is spent on the Wi-Fi before. With one
# desktop `d3` has nobody to share with. No rival is faster than `d3` in any case here, and the
# bound says that nobody could be by more than a few per cent. (A tier of its own is not all there
# is: device and edge may share a layer, too, `--option helpers=all`.)

# %%
assert difference < 1e-12
assert gains["vgg-16", 4]["d3"] > 1.4 and gains["resnet-18", 4]["d3"] < 1.05
assert all(found["d3"] >= max(found.get(rival, 0) for rival in RIVALS) for found in gains.values())
assert max(gap for (_, desktops), gap in gaps.items() if desktops > 1) < 0.05
