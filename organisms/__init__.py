"""Who differs: cards, registry, preflight and the embedded zoo."""
