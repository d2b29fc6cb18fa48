"""Every experiment of the book by its key, in three sizes."""
