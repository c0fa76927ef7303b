"""Reports whose grades follow from how they were made, and what a grader gives them."""
