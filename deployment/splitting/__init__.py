"""A plan made into parts: one ONNX file each, a manifest that says how they fit, and the check."""
