"""The grade: scorers that read the truth and the transcript."""
