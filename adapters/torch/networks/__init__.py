"""Image architectures as data: descriptions of networks, the names of their tensors, and how weights are matched."""
