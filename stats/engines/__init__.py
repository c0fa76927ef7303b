"""Engines: a design in, a fit out; two that run the same models and write the same file."""
