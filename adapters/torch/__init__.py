"""The PyTorch adapter: image models, their definitions, import of state dicts, and transfers."""
