"""How an agent may look: Inspect tools over a pair and its artifacts."""
