"""Real models (ONNX): imported, measured, predicted, cut and checked. Needs `splitfog[onnx]`."""
