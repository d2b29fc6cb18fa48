"""Every test is a shape test: what the library's annotations say is checked at run time, here and only here."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: workers side by side, one thread each

from jaxtyping import install_import_hook

hook = install_import_hook("iai", "beartype.beartype")
