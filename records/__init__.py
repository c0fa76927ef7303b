"""The words that cross borders: frozen, typed, serialisable records and nothing else."""
