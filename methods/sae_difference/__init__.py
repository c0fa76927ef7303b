"""Differences of activations, taken apart by a sparse autoencoder."""
