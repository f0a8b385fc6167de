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
# # Plans that follow the network: what adapting gains, and where nothing
#
# ResNet-18 on a Raspberry Pi 4, a desktop and a GPU server. The link from the device to the edge
# is LTE now, and fades. First the plans that there are, then how well ways of choosing among them
# do, and at last all networks of the zoo, from the stored rows of `benchmarks/adaptation/study.py`
# (`data/adaptation.csv`; the page is `docs/adaptation.md`).

# %%
import csv
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

from IPython.display import SVG, display

import splitfog as sf

LINK = ("device", "edge0")
instance = sf.generate("three-tier", model="resnet-18")
trace = sf.generate_trace("fading", seed=1, preset="lte", link=LINK, directions="forward")
print(trace)

# %% [markdown]
# ## The plans, and how far each holds
#
# The table has the best plan for every bandwidth and every load of the edge, proven. `bands` says
# how far each figure alone may move before the plan changes.

# %%
table = sf.plan_table(instance, {LINK: (1e4, 1e9), "edge0": (0.5, 20)}, routes="keep")
print(table.status, len(table.plans), "plans, gap", f"{table.gap:.1e}", "by", table.asked, "cuts")
for bandwidth in (1e6, 9.4e6, 50e6):
    here = {LINK: bandwidth, "edge0": 1.0}
    nodes = list(table.plan_at(here).placement("task0").values())
    (low, high), (_, load) = table.bands(here).values()
    print(
        f"{bandwidth / 1e6:5.1f} Mbit/s: {nodes.count('device'):2d} of {len(nodes)} layers on the "
        f"device; from {low / 1e6:.2f} to {high / 1e6:.2f} Mbit/s, or up to load {load:.1f}"
    )

# %% [markdown]
# ## Ways of adapting, side by side
#
# A request a second; everything is measured, a second late. Regret is how far the mean is above
# that of a clairvoyant; `best fixed` is the best single plan in hindsight, what adapting has to
# beat.

# %%
ways = ("argmin", "switch", "hysteresis:0.1", "learned", "nominal", "best-fixed", "offline")
found = sf.replay(instance, trace, adapt=ways, measure="all", delay_s=1, table=table)
sf.print_replay(found)

# %%
with tempfile.TemporaryDirectory() as folder:
    sf.draw_replay(found, Path(folder) / "replay.svg")
    display(SVG(filename=f"{folder}/replay.svg"))

# %% [markdown]
# ## What is not used is not measured
#
# A plan that leaves the link never sees it become fast again. Probes cost a little of the link,
# and help.

# %%
for name, seen in {
    "all of it, at once": {"measure": "all"},
    "a second late": {"measure": "all", "delay_s": 1},
    "late, with 20 % noise": {"measure": "all", "delay_s": 1, "noise": 0.2},
    "only what is used": {"delay_s": 1},
    "that, and 10 kB every 5 s": {"delay_s": 1, "probe": (1e4, 5)},
}.items():
    way = sf.replay(instance, trace, adapt="argmin", table=table, **seen).way("argmin")
    print(f"{name:26s} {way.regret:7.2%} above the clairvoyant, {way.switches} switches")

# %% [markdown]
# ## Where the frozen clock deceives
#
# Many studies take the figures of a request's first moment for all of it. For Inception-v4, whose
# requests take more than a second, that promises several per cent to who reacts at once. By the
# clock that goes on the link has changed before the tensor is through: one fixed plan is as good.

# %%
heavy = sf.generate("three-tier", model="inception-v4")
lte = sf.generate_trace("fading", seed=0, preset="lte", directions="forward", duration_s=300)
for clock in ("frozen", "integrated"):
    replayed = sf.replay(heavy, lte, adapt=("argmin", "best-fixed"), measure="all", clock=clock)
    gain = replayed.best_fixed[0] - replayed.way("argmin").regret
    print(f"{clock:10s} clock: adapting gains {100 * gain:+.1f} points over the best fixed plan")

# %% [markdown]
# ## When the edge fails
#
# It is down from 20 to 40 s. With a table for that case the request that was lost starts again a
# second later, and those after it stay on the device; who keeps to one plan loses requests.

# %%
failure = sf.Trace(
    name="failure",
    duration_s=60,
    end="hold",
    series=[sf.Series(node="edge0", quantity="up", times_s=[0, 20.03, 40], values=[1, 0, 1])],
)
failing = sf.replay(instance, failure, adapt=("argmin", "nominal"), measure="all")
sf.print_replay(failing)
assert failing.way("argmin").failed == 0 < failing.way("nominal").failed

# %% [markdown]
# ## All networks
#
# Per cent above the clairvoyant, means over seeds of traces or over eight logs of buses, trains
# and a ferry: the best fixed plan, then the table a second late. Zeros stand for networks of which
# one plan is always best.

# %%
with Path("data/adaptation.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
regrets = defaultdict(list)
for row in rows:
    if row["seen"] == "late" and row["regret"]:
        regrets[row["setting"], row["model"], row["adapt"]].append(100 * float(row["regret"]))
settings = dict.fromkeys(row["setting"] for row in rows)
print(f"{'':16s}" + "".join(f"{setting:>23s}" for setting in settings))
for model in sf.zoo.names():
    cells = [
        [mean(regrets[setting, model, way] or [0.0]) for way in ("best-fixed", "argmin")]
        for setting in settings
    ]
    texts = [f"{fixed:.1f} -> {late:.1f}" for fixed, late in cells]
    print(f"{model:16s}" + "".join(f"{text:>23s}" for text in texts))

# %% [markdown]
# ## What follows
#
# Adapting gains where the figures last longer than a request: with a loaded edge for all networks,
# with LTE at the device for small ones. Where one plan is all but always best, on 3G behind the
# edge and on most logs, the table gains nothing, or loses a little, as its first plan is made
# before anything was measured.

# %%
regret = {key: mean(values) for key, values in regrets.items()}


def gain(setting, model):
    """Points by which the table is nearer to the clairvoyant than the best fixed plan."""
    return regret[setting, model, "best-fixed"] - regret[setting, model, "argmin"]


assert all(gain("lte-to-cloud-and-load", model) > 0 for model in sf.zoo.names())
assert all(gain("lte-to-edge", model) > 3 for model in ("alexnet", "resnet-18", "mobilenet-v2"))
assert all(gain("lte-to-edge", model) < 0 for model in ("vgg-16", "inception-v4", "darknet-53"))
assert sum(gain("norway-to-edge", model) <= 0 for model in sf.zoo.names()) >= 9
