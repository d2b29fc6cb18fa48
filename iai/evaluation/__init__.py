"""Error after k mini-batches, and what generation is judged by."""
