"""How far two models' activations are apart, token by token: norms, angles, and where."""
