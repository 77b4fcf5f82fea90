"""PyTorch: image models, their definitions, importing state dicts, and transfers of images."""
