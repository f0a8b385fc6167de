"""Plans in other programs' formats, one a file.

A format's function takes an `Asked` and answers an `Export`.
"""

from __future__ import annotations

from splitfog.instances.plugins.format import Format, Formats
from splitfog.instances.plugins.option import Option

EXPORTERS = (
    Format(
        name="cake",
        summary="topology of cake: the blocks of every worker",
        entry=".cake:export",
        per_node="where it listens, HOST:PORT; the embedding's node without it: the master",
    ),
    Format(
        name="device-map",
        summary="{module: device} as JSON, the form of Hugging Face's libraries",
        entry=".device_map:export",
        per_node="what it is called there; a whole number: an accelerator",
    ),
    Format(
        name="dnet",
        summary="body of dnet's POST /v1/prepare_topology_manual",
        entry=".dnet:export",
        options={
            "model": Option(None, "its name in dnet, needed", "name", optional=True),
            "kv_bits": Option(
                "8bit", "of the key-value cache", "choice", choices=("8bit", "4bit", "fp16")
            ),
        },
        per_node="where its shard listens, HOST:HTTP_PORT:GRPC_PORT",
    ),
    Format(
        name="exo",
        summary="numbers of blocks of exo's nodes, or an instance of exo",
        entry=".exo:export",
        options={
            "form": Option(
                "node_layers", "what is written", "choice", choices=("node_layers", "instance")
            ),
            "card": Option(None, "of an instance, the model's card, a file", "name", optional=True),
            "port": Option(50000, "of an instance, where nodes listen", "whole", low=1, high=65535),
        },
        per_node="its id; in an instance of several nodes ID@ADDRESS",
    ),
    Format(
        name="llama-cpp",
        summary="options of llama.cpp: servers, devices and their shares",
        entry=".llama_cpp:export",
        per_node="its device: HOST:PORT of an RPC server, CUDA0, Metal, ..., or CPU",
    ),
    Format(
        name="mesh-llm",
        summary="split topology lock of Mesh-LLM",
        entry=".mesh_llm:export",
        options={
            "model": Option(None, "hf://OWNER/NAME@REVISION, needed", "name", optional=True),
            "manifest_sha256": Option(
                None, "of the package's model-package.json, needed", "name", optional=True
            ),
        },
        per_node="its host name or endpoint",
    ),
    Format(
        name="ort-annotations",
        summary="the ONNX model, every operator annotated, and the session option for ONNX "
        "Runtime, on standard output",
        entry=".ort_annotations:export",
        per_node="the device that it is: cpu, gpu, npu, ...",
    ),
    Format(
        name="parallax",
        summary="options of every worker of Parallax",
        entry=".parallax:export",
        per_node="what its comment calls it",
    ),
    Format(
        name="pipeedge",
        summary="options of PipeEdge's runtime: the layers and the rank of every stage",
        entry=".pipeedge:export",
        options={"layers": Option(1, "of PipeEdge in a block", "whole", low=1, high=1e6)},
        per_node="its rank",
    ),
    Format(
        name="prima-cpp",
        summary="options of every rank of prima.cpp",
        entry=".prima_cpp:export",
        per_node="its address",
    ),
    Format(
        name="vllm",
        summary="variables for vLLM: blocks of every pipeline stage",
        entry=".vllm:export",
        per_node="its accelerator's index, where all are in one machine",
    ),
)

FORMATS = Formats("exporter", __name__, EXPORTERS)
"""What `splitfog export` writes; the group of entry points is `splitfog.exporters`."""
