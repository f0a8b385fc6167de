"""ONNX models: imported, cut, sliced, predicted and run."""
