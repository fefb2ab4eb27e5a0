"""Export and import of weights: PyTorch state dicts, plain NumPy arrays, ONNX graphs (export only)."""
