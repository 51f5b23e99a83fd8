"""A model as programs that other runtimes run: ONNX and torch.export."""
