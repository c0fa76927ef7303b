"""Thin commands, no logic."""
