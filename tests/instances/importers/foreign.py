"""Small files of other tools' formats, made for these tests."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from splitfog.instances.importers import FORMATS
from splitfog.instances.instance import Instance

DNET_MODEL: dict[str, Any] = {
    "L": 2,
    "b": [0, 1000, 3000],
    "b_i": [0, 48, 48],
    "b_o": [0, 48, 48],
    "hk": 2,
    "ek": 4,
    "hv": 2,
    "ev": 3,
    "n_kv": 10,
    "e_embed": 8,
    "V": 100,
    "seq_len": 3,
    "f_q": {
        "prefill": {"b_1": [0, 300.0, 900.0], "b_2": [0, 600.0, 1800.0]},
        "decode": {"b_1": [0, 100.0, 320.0], "b_2": [0, 200.0, 640.0]},
    },
    "quantization": "F16",
}
DNET_HEAD: dict[str, Any] = {
    "name": "a",
    "is_head": True,
    "scpu": {"F16": {"b_1": 2e11, "b_2": 3e11}},
    "T_cpu": 5e10,
    "t_comm": 0.001,
    "d_avail_ram": 8000000000,
}
DNET_OTHER: dict[str, Any] = {
    **DNET_HEAD,
    "name": "b",
    "is_head": False,
    "has_metal": True,
    "sgpu_metal": {"F16": {"b_1": 9e11}, "Q4_K": {"b_1": 5e11}},
    "T_metal": 7e10,
    "d_avail_metal": 6000000000,
    "t_comm": 0.002,
}

PIPEEDGE_MODELS = """
empty: {layers: 0, mem_MB: [], parameters_in: 0, parameters_out: []}
tiny: {layers: 2, mem_MB: [1.0, 2.0], parameters_in: 10, parameters_out: [20, 5]}
"""
PIPEEDGE_TYPES = """
slow:
  bw_Mbps: 100
  mem_MB: 4
  model_profiles:
    tiny:
    - {batch_size: 8, dtype: torch.float32, time_s: [1.0, 2e-1]}
fast:
  bw_Mbps: 1000
  mem_MB: 8
  model_profiles:
    tiny:
    - {batch_size: 8, dtype: torch.float32, time_s: [0.5, 0.1]}
    - {batch_size: 4, dtype: torch.float32, time_s: [0.3, 0.05]}
unused: {bw_Mbps: 0, mem_MB: 0, model_profiles: }
"""
PIPEEDGE_DEVICES = """
slow: [s-0, s-1]
fast:
- f-0
unused: []
"""

EXO_CARD = """
model_id = "them/Small-8bit"
n_layers = 4
hidden_size = 64
num_key_value_heads = 2
quantization = "8bit"
base_model = "Small"
[storage_size]
in_bytes = 4000
"""
EXO_STATE: dict[str, Any] = {
    "nodeMemory": {
        "id-a": {"ramTotal": {"inBytes": 9000}, "ramAvailable": {"inBytes": 3000}},
        "id-b": {"ramTotal": {"inBytes": 9000}, "ramAvailable": {"inBytes": 2000}},
        "id-c": {"ramTotal": {"inBytes": 9000}, "ramAvailable": {"inBytes": 5000}},
    },
    "nodeIdentities": {
        "id-a": {"chipId": "Apple M4 Pro", "friendlyName": "desk"},
        "id-b": {"chipId": "Apple M1", "friendlyName": "shelf"},
        "id-c": {"chipId": "Apple M1", "friendlyName": "bag"},
    },
    "topology": {
        "nodes": ["id-a", "id-b", "id-c"],
        "connections": {"id-a": {"id-b": [{}]}, "id-b": {"id-a": [{}], "id-c": [{}]}},
    },
    "lastEventAppliedIdx": 7,
}

MESH_SCENARIO = """
[nodes.big]
vram_bytes = 1000000
sustained_mem_bandwidth_mib_per_s = 100
sustained_compute_gflop_per_s = 34000

[nodes.small]
vram_bytes = 500000
sustained_mem_bandwidth_mib_per_s = 50
observed_decode_us_per_layer = 40000

[links."big -> small"]
rtt_ms = 3
large_frame_mib_per_s = 30

[model]
layer_count = 4
weight_bytes_per_layer = 1048576
kv_bytes_per_token = 34
native_context_length = 1000
activation_frame_bytes = 8192
active_weight_fraction = 0.5
per_stage_overhead_ms = 1.5
per_hop_overhead_ms = 2

[workload]
minimum_nodes = 2
target_decode_tpot_ms = 33
"""

FILES: dict[str, dict[str, Any]] = {
    "dnet": {"model.json": DNET_MODEL, "a.json": DNET_HEAD, "b.json": DNET_OTHER},
    "pipeedge": {
        "models.yml": PIPEEDGE_MODELS,
        "device_types.yml": PIPEEDGE_TYPES,
        "devices.yml": PIPEEDGE_DEVICES,
    },
    "exo": {"card.toml": EXO_CARD, "state.json": EXO_STATE},
    "mesh-llm": {"scenario.toml": MESH_SCENARIO},
}
"""Format -> its files, by name: texts, and what JSON holds."""

OPTIONS = {"exo": {"head_dim": "16"}}
"""What these files need to be told."""


def written(folder: Path, name: str, **changed: Any) -> list[Path]:
    """The files of a format in a folder, those named in `changed` (by their stem) with it."""
    paths = []
    for file, content in FILES[name].items():
        own = changed.get(file.partition(".")[0], content)
        path = folder / file
        path.write_bytes(own if isinstance(own, bytes) else _text(own).encode())
        paths.append(path)
    return paths


def with_entry(data: dict[str, Any], *path: Any, value: Any) -> dict[str, Any]:
    """A copy of JSON data with another value somewhere; `...` takes the entry away."""
    changed = copy.deepcopy(data)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def imported(name: str, paths: list[Path], **options: str) -> Instance:
    """What `splitfog import` makes of files."""
    chosen = FORMATS.named(name)
    chosen.require_files(paths)
    found: Instance = chosen.load()(paths, chosen.parse({**OPTIONS.get(name, {}), **options})[0])
    return found


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
