"""The LLM diffing pipeline: generate, diff, embed, cluster, name; each stage a table on disk."""
