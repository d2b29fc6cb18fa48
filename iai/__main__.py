"""The command line: `python -m iai list | run | reproduce | show`."""

import argparse
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from iai.locks import Running
from iai.results import unknown
from iai.types import UserError

COMMANDS = ("list", "run", "reproduce", "show")
HEADLINE_STEPS = (0, 1, 2, 5, 10, 20)


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parser() -> Parser:
    """All commands and their options."""
    folders = Parser(add_help=False)
    folders.add_argument(
        "--results", type=Path, metavar="DIR", help="the ledger (default: nearest book/results)"
    )
    folders.add_argument(
        "--runs", type=Path, metavar="DIR", help="checkpoints and logs (default: runs beside the book)"
    )
    folders.add_argument(
        "--data", type=Path, metavar="DIR", help="data sets, in torchvision's layout (sets IAI_DATA)"
    )
    top = Parser(
        prog="python -m iai", description="Runs of the book: what there is, and how to compute them."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))

    computing = Parser(add_help=False)
    computing.add_argument("--profile", default="cpu", help="smoke, cpu (default) or gpu")
    computing.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    computing.add_argument("--renew", action="store_true", help="also what other sources of iai computed")

    def command(name: str, words: str, *more: Parser) -> Parser:
        parents = [folders, *more]
        return commands.add_parser(name, help=words, description=words, parents=parents, allow_abbrev=False)

    listing = command("list", "status of every run: done, pending, stale, running")
    listing.add_argument("pattern", nargs="?", default="*", help="a key, its beginning, or a shell pattern")
    listing.add_argument("--profile", help="one line a run of this profile: smoke, cpu or gpu")
    one = command("run", "compute one run, or go on with it, and put it in the ledger", computing)
    one.add_argument("key")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--threads", type=int, default=1, help="one is fastest at the size of smoke and cpu")
    one.add_argument("--again", action="store_true", help="judge it anew even if the ledger has it")
    one.add_argument("--quiet", action="store_true", help="no progress bar")
    words = "compute all runs of a pattern that are pending or stale, most valuable first"
    many = command("reproduce", words, computing)
    many.add_argument("pattern", nargs="?", default="*", help="a key, its beginning, or a shell pattern")
    many.add_argument(
        "--seeds", type=int, metavar="N", help="seeds 0 to N-1 (default: smoke 1, cpu 3, gpu 5)"
    )
    many.add_argument(
        "--jobs", type=int, default=1, metavar="J", help="processes at once, of one thread each"
    )
    many.add_argument(
        "--budget", default="", metavar="TIME", help="start no run that would end later: 90s, 9m, 1h30m"
    )
    many.add_argument("--executor", choices=("local", "slurm"), default="local", help="where jobs run")
    many.add_argument(
        "--slurm", action="append", default=[], metavar="NAME=VALUE", help="slurm_partition, timeout_min, ..."
    )
    show = command("show", "config, status and headline numbers of a key, and the commands that make them")
    show.add_argument("key")
    return top


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments; anything wrong with them is a `UserError` that names near matches."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    top = parser()
    arguments, extra = top.parse_known_args(words)
    if extra and extra[0].startswith("-"):
        subparsers = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
        raise unknown(
            "option", extra[0].split("=")[0], subparsers.choices[arguments.command]._option_string_actions
        )
    if extra:
        raise UserError(f"{arguments.command} takes no {extra[0]!r}: quote a pattern that has a * in it")
    for name in ("seeds", "jobs", "threads"):
        number = getattr(arguments, name, None)
        if number is not None and number < 1:
            raise UserError(f"--{name} must be 1 or more")
    if not 0 <= getattr(arguments, "seed", 0) < 1000:
        raise UserError("--seed must be 0 or more, and less than 1000")
    return arguments


def list_runs(arguments: argparse.Namespace) -> int:
    """One line a key with its counts by profile; with --profile, one line a run."""
    from iai import reproduce
    from iai.experiments import PROFILES

    keys = reproduce.matching(arguments.pattern)
    width = max(map(len, keys))
    if arguments.profile:
        runs = reproduce.wanted(arguments.pattern, arguments.profile)
        for one in runs:
            print(f"{one.status():8} {one.key:{width}} seed {one.seed}")
        return 0
    print(f"{'':{width}}  " + "".join(f"{profile:30}" for profile in PROFILES).rstrip())
    for key in keys:
        cells = [Counter(one.status() for one in reproduce.wanted(key, profile)) for profile in PROFILES]
        words = (", ".join(f"{n} {status}" for status, n in sorted(cell.items())) for cell in cells)
        print(f"{key:{width}}  " + "".join(f"{word:30}" for word in words).rstrip())
    return 0


def run_one(arguments: argparse.Namespace) -> int:
    """Compute one run in this process."""
    import torch

    from iai import reproduce
    from iai.experiments import experiment
    from iai.train import pick_device

    experiment(arguments.key, arguments.profile)
    pick_device(arguments.device)
    torch.set_num_threads(arguments.threads)
    one = reproduce.Run(key=arguments.key, profile=arguments.profile, seed=arguments.seed)
    how = {"again": arguments.again, "renew": arguments.renew}
    print(reproduce.perform(one, arguments.device, not arguments.quiet, **how))
    return 0


def reproduce_many(arguments: argparse.Namespace) -> int:
    """Compute many runs in processes; exit code 1 if one failed, 130 if it was interrupted."""
    from iai import reproduce, slurm
    from iai.train import pick_device

    if arguments.executor == "local":
        pick_device(arguments.device)
    executor = slurm.executor(arguments.executor, arguments.slurm)
    budget = reproduce.seconds(arguments.budget)
    runs = reproduce.wanted(arguments.pattern, arguments.profile, arguments.seeds)
    how = {"executor": executor, "renew": arguments.renew}
    report = reproduce.reproduce(runs, arguments.jobs, budget, arguments.device, **how)
    finished = len(runs) - sum(map(len, (report.failed, report.stopped, report.elsewhere, report.left)))
    reproduce.say(f"{finished} of {len(runs)} runs are in the ledger, {len(report.done)} of them new")
    reasons = {
        "stopped, will go on from their checkpoints": report.stopped,
        "being computed by another process": report.elsewhere,
        "left (interrupted)"
        if report.interrupted
        else "left, as they would not end within the budget": report.left,
        "failed": report.failed,
    }
    for reason, some in reasons.items():
        if some:
            shown = "; ".join(map(str, some[:6])) + ("; …" if len(some) > 6 else "")
            reproduce.say(f"{len(some)} {reason}: {shown}")
    return 130 if report.interrupted else 1 if report.failed else 0


def show_key(arguments: argparse.Namespace) -> int:
    """Print a key's config, and by profile its status, headline numbers and commands."""
    from iai import reproduce
    from iai.configs import to_json
    from iai.experiments import PROFILES, experiment

    key = arguments.key
    print(json.dumps(to_json(experiment(key, "cpu")), indent=1))
    for profile in PROFILES:
        runs = reproduce.wanted(key, profile)
        if not runs:  # a profile that asks for no run of this key
            continue
        print(f"\n{profile}: " + ", ".join(f"seed {one.seed} {one.status()}" for one in runs))
        print("\n".join(headlines(key, profile)))
        print(f"  python -m iai run {key} --profile {profile} --seed 0")
        print(f"  python -m iai reproduce '{key}' --profile {profile} --seeds {len(runs)}")
    return 0


def headlines(key: str, profile: str) -> list[str]:
    """A line for each metric of each evaluation set: mean ± spread after some steps."""
    from iai import results

    found = results.records(key, profile)
    lines = []
    for name, metrics in (found[0]["metrics"] if found else {}).items():
        for metric in metrics:
            points = results.curve(key, profile, name, metric)
            if isinstance(points, results.Missing):
                return [f"  {points}: {points.reason}"]
            shown = {k: points[k] for k in HEADLINE_STEPS if k < len(points)}
            cells = [f"k={k} {point} ± {point.spread:.2g}" for k, point in shown.items()]
            sources = " or ".join(sorted({point.source for point in shown.values()}))
            over = f"± standard error over {sources}, seeds {', '.join(map(str, points[0].seeds))}"
            lines.append(f"  {name} {metric}: {'  '.join(cells)}  ({over})")
    return lines


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": list_runs,
    "run": run_one,
    "reproduce": reproduce_many,
    "show": show_key,
}


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does, wherever no training listens."""
    raise KeyboardInterrupt


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; mistakes of the user are one line and exit code 2."""
    signal.signal(signal.SIGTERM, terminate)
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
        print(f"iai: {error or 'interrupted; run the same command to go on'}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
