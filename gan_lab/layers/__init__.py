"""Layers that compute what PyTorch's do, faster on a CPU, with the initial values that the reports' networks have."""
