"""A model on disk: runs, weights, what these were trained on, and those that are shipped."""
