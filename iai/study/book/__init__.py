"""What chapters call: parameters, tables, figures, and the seven learners of the first chapter."""
