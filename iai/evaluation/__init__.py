"""Error after k mini-batches, and the evaluation of generation."""
