"""The run: tasks, investigators, prompts, samples and offline providers."""
