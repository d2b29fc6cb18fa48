"""Every test is a shape test: what the library's annotations say is checked at run time, here and only here."""

import os

# Before torch is imported: workers side by side use one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxtyping import install_import_hook

hook = install_import_hook(["iai", "extract", "formulas", "grid"], "beartype.beartype")
