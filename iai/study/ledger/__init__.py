"""Records: one JSON file a run, its status, its lock, what made it, and its spreads."""
