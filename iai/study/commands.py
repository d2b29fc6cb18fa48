"""The commands and their options; each returns the exit code. Slow imports are inside the functions that use them."""

import inspect
import json
import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, cast

import typer

HEADLINE_STEPS = (0, 1, 2, 5, 10, 20)
FOLDERS = {
    "results": "the ledger (default: nearest book/results)",
    "runs": "checkpoints and logs (default: runs beside the book)",
    "data": "data sets, in torchvision's layout (sets IAI_DATA)",
}
UsageError = cast(type[Exception], typer.BadParameter.__base__)  # click's, which newer versions of typer contain

Key = Annotated[str, typer.Argument(help="an experiment's key")]
Pattern = Annotated[str, typer.Argument(help="a key, its beginning, or a shell pattern")]
Claim = Annotated[str | None, typer.Argument(help="one claim, with all its tests")]
Profile = Annotated[str, typer.Option(help="smoke, small or paper")]
OneProfile = Annotated[str | None, typer.Option(help="one line a run of this profile: smoke, small or paper")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")]
Threads = Annotated[int, typer.Option(min=1, max=1000, help="one is fastest at the size of smoke and small")]
Seed = Annotated[int, typer.Option(min=0, max=999)]
Seeds = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="seeds 0 to N-1")]
SomeSeeds = Annotated[
    int | None, typer.Option(min=1, max=1000, metavar="N", help="0 to N-1 (default: as many as its claims need)")
]
Jobs = Annotated[int, typer.Option(min=1, max=1000, metavar="J", help="processes at once, of one thread each")]
Budget = Annotated[str, typer.Option(metavar="TIME", help="start no run that would end later: 90s, 9m, 1h30m")]
Executor = Annotated[str, typer.Option(help="where jobs run: local or slurm")]
Slurm = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="slurm_partition, timeout_min, ...")]
Report = Annotated[str | None, typer.Option("--json", metavar="FILE", help="write all of it for a bug report")]
Again = Annotated[bool, typer.Option("--again", help="compute it anew even if the ledger has it")]
Renew = Annotated[bool, typer.Option("--renew", help="also what other code than this computed")]
RenewBaselines = Annotated[bool, typer.Option("--renew", help="and put it into the records that are there")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar")]

app = typer.Typer(
    help="Runs of the book: what there is, and how to compute them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(function: Callable[..., int]) -> Callable[..., int]:
    """Register a command under the function's name, with the options of `FOLDERS`."""

    @wraps(function)
    def action(**options: Any) -> int:
        for folder in FOLDERS:
            if path := options.pop(folder):
                os.environ[f"IAI_{folder.upper()}"] = path
        code = function(**options)
        if function.__name__ in ("list_", "show", "claims"):
            from iai.study.ledger import records

            records.searched()
        return code

    parameters = list(inspect.signature(function).parameters.values())
    for folder, words in FOLDERS.items():
        option = Annotated[str | None, typer.Option(metavar="DIR", help=words)]
        parameters.append(inspect.Parameter(folder, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option))
    action.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    action.__annotations__ = {one.name: one.annotation for one in parameters}
    return app.command(function.__name__.strip("_"))(action)


@command
def list_(pattern: Pattern = "*", profile: OneProfile = None) -> int:
    """Status of every run: done, pending, stale, running."""
    from iai.study.jobs import runs
    from iai.study.registry import PROFILES

    keys = runs.matching(pattern)
    width = max(map(len, keys))
    if profile:
        for one in runs.wanted(pattern, profile):
            print(f"{one.status():8} {one.key:{width}} seed {one.seed}")
        return 0
    print(f"{'':{width}}  " + "".join(f"{profile:30}" for profile in PROFILES).rstrip())
    found = {key: [Counter[str]() for _ in PROFILES] for key in keys}
    for column, profile in enumerate(PROFILES):
        for one in runs.wanted(pattern, profile):
            found[one.key][column][one.status()] += 1
    for key, cells in found.items():
        words = (", ".join(f"{n} {status}" for status, n in sorted(cell.items())) for cell in cells)
        print(f"{key:{width}}  " + "".join(f"{word:30}" for word in words).rstrip())
    return 0


@command
def run_(
    key: Key,
    profile: Profile = "small",
    seed: Seed = 0,
    device: Device = None,
    threads: Threads = 1,
    again: Again = False,
    renew: Renew = False,
    quiet: Quiet = False,
) -> int:
    """Compute one run, or go on with it, and put it in the ledger."""
    import torch

    from iai.study.jobs.queue import compute
    from iai.study.jobs.runs import Run
    from iai.study.registry import experiment
    from iai.training import distributed, pick_device

    experiment(key, profile)  # an unknown one is an error before the processes join
    torch.set_num_threads(threads)
    where = pick_device(distributed.local_device(device))
    with distributed.process_group(where):
        print(compute(Run(key, profile, seed), str(where), not quiet, again=again, renew=renew))
    return 0


@command
def reproduce(
    pattern: Pattern = "*",
    profile: Profile = "small",
    seeds: SomeSeeds = None,
    jobs: Jobs = 1,
    budget: Budget = "",
    device: Device = None,
    renew: Renew = False,
    executor: Executor = "local",
    slurm: Slurm = None,
) -> int:
    """Compute all runs of a pattern that are pending or stale, most valuable first."""
    from iai.study.jobs import executors, queue
    from iai.study.jobs.runs import wanted
    from iai.training import pick_device

    if executor == "local":
        pick_device(device)
    where, limit = executors.executor(executor, slurm or []), queue.seconds(budget)
    runs = wanted(pattern, profile, seeds)
    report = queue.reproduce(runs, jobs, limit, device, executor=where, renew=renew)
    reasons = {
        "stopped": "stopped, will go on from their checkpoints",
        "elsewhere": "being computed by another process",
        "left": "left (interrupted)" if report.interrupted else "left, as they would not end within the budget",
        "failed": "failed",
    }
    unfinished = {reason: report.runs[outcome] for outcome, reason in reasons.items() if report.runs[outcome]}
    finished = len(runs) - sum(map(len, unfinished.values()))
    queue.say(f"{finished} of {len(runs)} runs are in the ledger, {len(report.runs['done'])} of them new")
    for reason, some in unfinished.items():
        queue.say(f"{len(some)} {reason}: {'; '.join(map(str, some[:6]))}{'; …' if len(some) > 6 else ''}")
    return 130 if report.interrupted else 1 if report.runs["failed"] else 0


@command
def baselines(pattern: Pattern, profile: Profile = "small", renew: RenewBaselines = False) -> int:
    """Compute what runs of a key are compared with, on the CPU: they then find it."""
    from iai.study.jobs.run import compared_with, renew_baselines
    from iai.study.jobs.runs import matching, wanted
    from iai.study.registry import experiment

    if renew:
        print(sum(map(renew_baselines, wanted(pattern, profile))), "records have new baselines")
        return 0
    for key in matching(pattern):
        compared_with(experiment(key, profile), 0)
    return 0


@command
def check(device: Device = None, threads: Threads = 1, report: Report = None) -> int:
    """Whether this machine computes what it should, and how fast: about a minute; exit code 1 if something is wrong."""
    from iai.study.measure import check
    from iai.training import pick_device

    return int(check.check(pick_device(device), threads, report)["verdict"] == "wrong")


@command
def show(key: Key) -> int:
    """Config, status and headline numbers of a key, and the commands that make them."""
    from iai.experiment import to_json
    from iai.study.jobs.runs import wanted
    from iai.study.registry import PROFILES, experiment

    print(json.dumps(to_json(experiment(key, "small")), indent=1))
    for profile in PROFILES:
        found = wanted(key, profile)
        if not found:  # a profile that has no run of this key
            continue
        print(f"\n{profile}: " + ", ".join(f"seed {one.seed} {one.status()}" for one in found))
        print("\n".join(headlines(key, profile)))
        print(f"  python -m iai run {key} --profile {profile} --seed 0")
        print(f"  python -m iai reproduce '{key}' --profile {profile} --seeds {len(found)}")
    return 0


def headlines(key: str, profile: str) -> list[str]:
    """A line for each metric of each evaluation set: mean ± spread after some steps."""
    from iai.evaluation import generation
    from iai.study.ledger import records, statistics

    found = records.records(key, profile)
    lines = []
    for name, metrics in (found[0]["metrics"] if found else {}).items():
        for metric in metrics:
            points = records.curve(key, profile, name, metric)
            if isinstance(points, records.Missing):
                return [f"  {points}: {points.reason}"]
            steps = generation.ASKED if metric in generation.METRICS else HEADLINE_STEPS
            shown = {k: points[k] for k in steps if k < len(points)}
            over = statistics.over(shown.values())
            marks = {k: "†" * (point.source == "tasks" and "†" in over) for k, point in shown.items()}
            cells = [f"k={k} {point} ± {point.spread:.2g}{marks[k]}" for k, point in shown.items()]
            words = f"± standard error over {over}; seeds {', '.join(map(str, points[0].seeds))}"
            lines.append(f"  {name} {metric}: {'  '.join(cells)}  ({words})")
    return lines


@command
def verify(
    pattern: Pattern, profile: Profile = "small", seeds: Seeds = 1, jobs: Jobs = 1, device: Device = None
) -> int:
    """Compute runs of the ledger again from nothing, and compare; exit code 1 if one lies outside its interval."""
    from iai.study.jobs import runs, verify

    findings = verify.verify(runs.wanted(pattern, profile, seeds), jobs, device)
    print("\n".join(map(str, findings)))
    return int(any(finding.furthest > verify.STANDARD_ERRORS for finding in findings))


@command
def claims(name: Claim = None, profile: Profile = "small") -> int:
    """The paper's claims and their verdicts, computed from the ledger."""
    from iai.study.analysis.claims import claims
    from iai.study.ledger import records
    from iai.study.registry import PROFILES

    if profile not in PROFILES:
        raise records.unknown("profile", profile, PROFILES)
    every = {claim.name: claim for claim in claims()}
    if name is not None and name not in every:
        raise records.unknown("claim", name, every)
    for claim in [every[name]] if name else every.values():
        at, judged = claim.profile or profile, claim.judged(profile)
        print(f"{judged.verdict:24} {claim.name}: {claim.text} ({judged.counts}; {at})")
        for test, (outcome, found) in zip(claim.tests, judged.results) if name else ():
            print(f"  {outcome:12} {test}, {found}")
    return 0
