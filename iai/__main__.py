"""`python -m iai`: the command line of `study.cli`."""

import sys

from iai.study.cli import main

if __name__ == "__main__":
    sys.exit(main())
