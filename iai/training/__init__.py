"""How an amortizer is trained: what is minimised (`objectives`), and the loop around it (`train`)."""
