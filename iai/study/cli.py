"""The command line: `python -m iai list | run | reproduce | show | verify | claims | check | baselines`."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import typer

from iai.study import commands
from iai.study.jobs import MachineError
from iai.study.ledger.locks import Running


def execute(words: list[str]) -> int:
    """Run the command that the words name; returns its exit code."""
    top: Any = typer.main.get_command(commands.app)
    name = words[0] if words else ""
    if not name.startswith("-") and name not in top.commands:
        from iai.study.ledger.records import unknown

        raise unknown("command", name, top.commands)
    try:
        with top.make_context("python -m iai", words) as context:
            return int(top.invoke(context))
    except typer.Exit as done:  # --help
        return int(done.exit_code)


def in_one_line(error: Any) -> tuple[int, str] | None:
    """Exit code and text of an error: a mistake of the user, a run of another process, data or machine; else None."""
    from iai.types import UserError

    if isinstance(error, commands.UsageError):
        text = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        return 2, text + ": quote a pattern that has a * in it" * ("unexpected extra" in text)
    codes = ((UserError, 2), (Running, 3), (ArithmeticError, 1), (OSError, 1))
    return next(((code, str(error)) for kind, code in codes if isinstance(error, kind)), None)


def settle_output() -> None:
    """Write what stdout still takes, and nothing to one that takes no more: at its end Python would complain again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one line, and SIGTERM ends a command as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:  # closed: without this the next file opened would take its place
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):  # a terminal that has no ±, a folder whose name is no text
            stream.reconfigure(errors="backslashreplace")
    try:
        code = execute(sys.argv[1:] if words is None else list(words))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output, `head` say, has read enough
        settle_output()
        return 0
    except KeyboardInterrupt as error:
        # torchrun sends a signal while a process that has lost another is still cleaning up
        lost = error.__context__ if isinstance(error.__context__, MachineError) else ""
        print(f"iai: {str(error) or lost or 'interrupted; run the same command to go on'}", file=sys.stderr)
        return 130
    except Exception as error:
        if (line := in_one_line(error)) is None:
            raise
        print(f"iai: {line[1]}", file=sys.stderr)
        settle_output()
        return line[0]
    finally:
        signal.signal(signal.SIGTERM, before)  # at the interpreter's end nobody would catch an exception
