"""Learners to compare with, called as an amortizer is: `(batches, x) -> y_hat`."""
