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
# # A real model, split and run
#
# A trained network that tells whether a line of text stands upside down (MobileNetV3, 0.6 MB): it
# is imported, measured on this machine, planned over a device, an edge node and a cloud, cut into
# parts, checked against the whole, and run as three processes over links of the plan's bandwidth.
#
# The model comes out of a package that is installed for the tests (`tests/models.txt`); it needs
# `splitfog[onnx]`. What it all means: [the page on real models](../docs/real-models.md).

# %%
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from IPython.display import Image

import splitfog as sf

(package,) = find_spec("rapidocr_onnxruntime").submodule_search_locations
file = Path(package, "models", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
scratch = TemporaryDirectory()
folder = Path(scratch.name)

# %% [markdown]
# ## Import
#
# Three nodes with Wi-Fi and 4G between them. The model is optimised once, in another process; each
# of its operators is a layer.

# %%
instance = sf.import_onnx(
    file,
    folder / "ocr.json",
    inputs={"x": (1, 3, 48, 192)},
    options={"device_edge": "wi-fi", "edge_cloud": "4g"},
)
(model,) = instance.models
print(f"{len(model.layers)} layers, {model.macs / 1e6:.1f} million multiply-accumulates")
print([node.name for node in instance.nodes])

# %% [markdown]
# ## Measure
#
# This machine is the cloud. The edge node shall be 3 times and the device 12 times slower, as the
# run below makes them.

# %%
slower = {"device": 12, "edge0": 3, "cloud": 1}
profile = sf.measure_times(folder / "ocr.json", node="cloud")
times = {
    time.layer: {node: time.seconds * factor for node, factor in slower.items()}
    for time in profile.times
}
measured = instance.with_times(times)
sf.save_instance(measured, folder / "ocr.json")
print(f"{profile.run_s * 1e3:.2f} ms of CPU a run; {profile.doubt or 'reliable'}")

# %% [markdown]
# ## Plan
#
# The optimum and what else one might do:

# %%
solvers = ["min-cut", "neurosurgeon", "hpa", "device-only", "cloud-only"]
for row in sf.compare([measured], solvers=solvers):
    print(f"{row.solver:14s} {row.value * 1e3:8.2f} ms")

# %% [markdown]
# To have something to cut on any machine, we take a plan that uses all three: the first third of
# the layers on the device, the second on the edge node, the rest in the cloud.

# %%
(task,) = measured.tasks
thirds = dict.fromkeys((layer.name for layer in model.layers), "device")
names = [layer.name for layer in model.layers if layer.op != "input"]
for position, name in enumerate(names):
    thirds[name] = ("device", "edge0", "cloud")[3 * position // len(names)]
for layer in model.layers:  # what must be on one node goes where the first of it is
    if layer.group is not None:
        thirds[layer.name] = thirds[layer.group]
plan = sf.plan(measured, {task.name: thirds}, objective="latency", monotone=False)
sf.save_plan(plan, folder / "plan.json")
print(f"{plan.value * 1e3:.2f} ms predicted")

# %% [markdown]
# ## Split and check
#
# One ONNX file a part. Run one after another they give the whole model's outputs, bit for bit.


# %%
def splitfog(*words):
    """Run a command and return what it prints."""
    command = [sys.executable, "-m", "splitfog", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


parts = folder / "parts"
print(splitfog("split", folder / "ocr.json", folder / "plan.json", "-o", parts, "--check", 3))

# %% [markdown]
# ## Run
#
# Each node is a process, links are paced, and slower nodes wait.

# %%
slow = [word for node, times in slower.items() for word in ("--slow", f"{node}={times}")]
figures = json.loads(splitfog("run", parts, *slow, "--json", "-o", folder / "request.png"))
predicted = figures["predicted"]["latency_s"]
found = figures["measured"]["median_s"]
print(f"predicted {predicted * 1e3:.2f} ms, measured {found * 1e3:.2f} ms")
for link in figures["links"]:
    print(
        f"{link['from']} to {link['to']}: {link['bytes']} bytes, predicted "
        f"{link['predicted_s'] * 1e3:.2f} ms, measured {link['measured_s'] * 1e3:.2f} ms"
    )

# %% [markdown]
# One request as predicted (above) and as measured:

# %%
Image(str(folder / "request.png"))

# %% [markdown]
# ## What follows
#
# Nothing is lost by splitting: the parts give the whole model's outputs, bit for bit. What crosses
# a link takes what was predicted; what a part takes depends on what else the machine has to do.

# %%
links = [(link["predicted_s"], link["measured_s"]) for link in figures["links"]]
assert links and all(measured > 0.9 * predicted for predicted, measured in links)
