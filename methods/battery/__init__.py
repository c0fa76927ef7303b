"""Prompt battery: the same prompts to both models, and what can be counted of the replies."""
