"""The answer: logs to typed rows, tables, figures and the report."""
