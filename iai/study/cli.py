"""The command line: `python -m iai list | run | reproduce | show | verify | claims`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from iai.study import commands
from iai.study.jobs.errors import MachineError
from iai.study.ledger.locks import Running
from iai.study.ledger.records import unknown
from iai.types import UserError

COMMANDS = ("list", "run", "reproduce", "show", "verify", "claims")


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parser() -> Parser:
    """All commands and their options."""
    folders = Parser(add_help=False)
    folders.add_argument("--results", type=Path, metavar="DIR", help="the ledger (default: nearest book/results)")
    folders.add_argument(
        "--runs", type=Path, metavar="DIR", help="checkpoints and logs (default: runs beside the book)"
    )
    folders.add_argument("--data", type=Path, metavar="DIR", help="data sets, in torchvision's layout (sets IAI_DATA)")
    top = Parser(prog="python -m iai", description="Runs of the book: what there is, and how to compute them.")
    actions = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))

    computing = Parser(add_help=False)
    computing.add_argument("--profile", default="cpu", help="smoke, cpu (default) or gpu")
    computing.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    computing.add_argument("--renew", action="store_true", help="also what other code than this computed")

    def command(name: str, words: str, *more: Parser) -> Parser:
        parents = [folders, *more]
        return actions.add_parser(name, help=words, description=words, parents=parents, allow_abbrev=False)

    listing = command("list", "status of every run: done, pending, stale, running")
    listing.add_argument("pattern", nargs="?", default="*", help="a key, its beginning, or a shell pattern")
    listing.add_argument("--profile", help="one line a run of this profile: smoke, cpu or gpu")
    _running(command, computing)
    _judging(command)
    show = command("show", "config, status and headline numbers of a key, and the commands that make them")
    show.add_argument("key")
    return top


def _running(command: Callable[..., Parser], computing: Parser) -> None:
    """The commands that compute runs."""
    one = command("run", "compute one run, or go on with it, and put it in the ledger", computing)
    one.add_argument("key")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--threads", type=int, default=1, help="one is fastest at the size of smoke and cpu")
    one.add_argument("--again", action="store_true", help="judge it anew even if the ledger has it")
    one.add_argument("--quiet", action="store_true", help="no progress bar")
    words = "compute all runs of a pattern that are pending or stale, most valuable first"
    many = command("reproduce", words, computing)
    many.add_argument("pattern", nargs="?", default="*", help="a key, its beginning, or a shell pattern")
    many.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N-1 (default: smoke 1, cpu 3, gpu 5)")
    many.add_argument("--jobs", type=int, default=1, metavar="J", help="processes at once, of one thread each")
    many.add_argument("--budget", default="", metavar="TIME", help="start no run that would end later: 90s, 9m, 1h30m")
    many.add_argument("--executor", choices=("local", "slurm"), default="local", help="where jobs run")
    many.add_argument(
        "--slurm", action="append", default=[], metavar="NAME=VALUE", help="slurm_partition, timeout_min, ..."
    )


def _judging(command: Callable[..., Parser]) -> None:
    """The commands that judge what was computed."""
    again = command("verify", "compute runs of the ledger again from nothing, and compare")
    again.add_argument("pattern", help="a key, its beginning, or a shell pattern")
    again.add_argument("--profile", default="cpu", help="smoke, cpu (default) or gpu")
    again.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default: 1)")
    again.add_argument("--jobs", type=int, default=1, metavar="J", help="processes at once")
    again.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    words = "the paper's claims and their verdicts, computed from the ledger"
    said = command("claims", words)
    said.add_argument("name", nargs="?", help="one claim, with all its tests")
    said.add_argument("--profile", default="cpu", help="smoke, cpu (default) or gpu")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments; anything wrong with them is a `UserError` that names near matches."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    top = parser()
    arguments, extra = top.parse_known_args(words)
    if extra and extra[0].startswith("-"):
        subparsers = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
        raise unknown("option", extra[0].split("=")[0], subparsers.choices[arguments.command]._option_string_actions)
    if extra:
        raise UserError(f"{arguments.command} takes no {extra[0]!r}: quote a pattern that has a * in it")
    for name in ("seeds", "jobs", "threads"):
        number = getattr(arguments, name, None)
        if number is not None and number < 1:
            raise UserError(f"--{name} must be 1 or more")
    if not 0 <= getattr(arguments, "seed", 0) < 1000:
        raise UserError("--seed must be 0 or more, and less than 1000")
    return arguments


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": commands.list_runs,
    "run": commands.run_one,
    "reproduce": commands.reproduce_many,
    "show": commands.show_key,
    "verify": commands.verify_runs,
    "claims": commands.print_claims,
}


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does, wherever no training listens."""
    raise KeyboardInterrupt


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; mistakes of the user are one line and exit code 2."""
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        arguments = parse(sys.argv[1:] if words is None else words)
        for name, variable in (("results", "IAI_RESULTS"), ("runs", "IAI_RUNS"), ("data", "IAI_DATA")):
            if getattr(arguments, name):
                os.environ[variable] = str(getattr(arguments, name))
        code = ACTIONS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who reads our output, `head` say, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, Running, ArithmeticError, OSError) as error:
        print(f"iai: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 3 if isinstance(error, Running) else 1
    except KeyboardInterrupt as error:
        # torchrun, and so a signal, comes while a process that has lost another is still putting its things away
        lost = error.__context__ if isinstance(error.__context__, MachineError) else ""
        print(f"iai: {str(error) or lost or 'interrupted; run the same command to go on'}", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)  # at the interpreter's end nobody would catch an exception
