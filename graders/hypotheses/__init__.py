"""Hypotheses about two models, judged on replies that nobody saw when they were made."""
