"""The zoo: organisms that ship with the package, their recipes, weights and checks."""
