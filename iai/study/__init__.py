"""The machinery of the book's evidence; the library imports nothing of it."""
