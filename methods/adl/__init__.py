"""Activation Difference Lens: the mean difference of two models' residual streams, read."""
