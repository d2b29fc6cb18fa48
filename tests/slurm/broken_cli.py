"""The command line whose jobs fail, as a program."""

import sys

from iai.study import cli
from iai.study.jobs import runs

if __name__ == "__main__":
    runs.COMMAND = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    sys.exit(cli.main())
