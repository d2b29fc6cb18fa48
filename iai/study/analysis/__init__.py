"""What the ledger says: claims, comparisons, who leads, and what theory expects."""
