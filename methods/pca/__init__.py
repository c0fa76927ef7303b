"""The main directions in which two models' activations differ."""
