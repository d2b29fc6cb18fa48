"""The amortizer f(x, g(D_T)): one Transformer step, what its state means, and the formula as a module."""
