"""Both models' activations in one sparse dictionary."""
