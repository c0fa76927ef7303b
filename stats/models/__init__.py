"""The models as pure NumPyro functions; nothing else of ours is imported here."""
