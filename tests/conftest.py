"""Every test is a shape test: what the library's annotations say is checked at run time, here and only here."""

from jaxtyping import install_import_hook

hook = install_import_hook("iai", "beartype.beartype")
