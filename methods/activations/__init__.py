"""Both models' residual streams over a corpus, stored on disk or read live."""
