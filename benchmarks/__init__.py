"""Speed and memory, each as a ratio against a stated alternative in the same run."""
