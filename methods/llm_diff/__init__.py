"""LLM diffing as a method: what replies differ in, compared, clustered, and tested afresh."""
