"""Plans in other programs' formats, one a file.

A format's function takes an `Asked` and answers an `Export`.
"""

from __future__ import annotations

from splitfog.instances.plugins.format import Format, Formats

EXPORTERS = (
    Format(
        name="device-map",
        summary="{layer: device} as JSON, the form of Hugging Face's libraries",
        entry=".device_map:export",
        per_node="what it is called there; a whole number: an accelerator",
    ),
    Format(
        name="ort-annotations",
        summary="the ONNX model, every operator annotated, and the session option for ONNX "
        "Runtime, on standard output",
        entry=".ort_annotations:export",
        per_node="the device that it is: cpu, gpu, npu, ...",
    ),
)

FORMATS = Formats("exporter", __name__, EXPORTERS)
"""What `splitfog export` writes; the group of entry points is `splitfog.exporters`."""
