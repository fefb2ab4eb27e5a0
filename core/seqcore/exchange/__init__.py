"""Weights in the layouts of others, and back: PyTorch modules, plain NumPy, ONNX graphs."""
