"""How a pair is run: loading, generation, capture, intervention, one service per pair."""
