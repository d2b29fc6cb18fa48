"""Runs computed: one, many at a time, on a cluster, or again to compare."""


class MachineError(OSError):
    """Memory ran out, or a device or another process of the run is gone."""
