"""Sparse dictionaries over activations: training, loading, and the table of their latents."""
