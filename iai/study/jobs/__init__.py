"""Runs computed: one, many at a time, on a cluster, or again to compare."""
