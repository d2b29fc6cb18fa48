"""What work costs: operations, time and memory."""
