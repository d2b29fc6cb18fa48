"""What each command of the command line does, given its arguments; each returns the exit code."""

import argparse
import json
from collections import Counter

HEADLINE_STEPS = (0, 1, 2, 5, 10, 20)


def list_runs(arguments: argparse.Namespace) -> int:
    """One line a key with its counts by profile; with --profile, one line a run."""
    from iai.study.jobs import queue
    from iai.study.jobs.run import PROFILES

    keys = queue.matching(arguments.pattern)
    width = max(map(len, keys))
    if arguments.profile:
        runs = queue.wanted(arguments.pattern, arguments.profile)
        for one in runs:
            print(f"{one.status():8} {one.key:{width}} seed {one.seed}")
        return 0
    print(f"{'':{width}}  " + "".join(f"{profile:30}" for profile in PROFILES).rstrip())
    for key in keys:
        cells = [Counter(one.status() for one in queue.wanted(key, profile)) for profile in PROFILES]
        words = (", ".join(f"{n} {status}" for status, n in sorted(cell.items())) for cell in cells)
        print(f"{key:{width}}  " + "".join(f"{word:30}" for word in words).rstrip())
    return 0


def run_one(arguments: argparse.Namespace) -> int:
    """Compute one run in this process, or in all that `torchrun` started."""
    import torch

    from iai.study.jobs import queue
    from iai.study.jobs.run import experiment
    from iai.training import distributed
    from iai.training.loop import pick_device

    experiment(arguments.key, arguments.profile)
    torch.set_num_threads(arguments.threads)
    one = queue.Run(key=arguments.key, profile=arguments.profile, seed=arguments.seed)
    how = {"again": arguments.again, "renew": arguments.renew}
    device = pick_device(distributed.local_device(arguments.device))
    with distributed.process_group(device):
        print(queue.perform(one, str(device), not arguments.quiet, **how))
    return 0


def reproduce_many(arguments: argparse.Namespace) -> int:
    """Compute many runs in processes; exit code 1 if one failed, 130 if it was interrupted."""
    from iai.study.jobs import queue, slurm
    from iai.training.loop import pick_device

    if arguments.executor == "local":
        pick_device(arguments.device)
    executor = slurm.executor(arguments.executor, arguments.slurm)
    budget = queue.seconds(arguments.budget)
    runs = queue.wanted(arguments.pattern, arguments.profile, arguments.seeds)
    how = {"executor": executor, "renew": arguments.renew}
    report = queue.reproduce(runs, arguments.jobs, budget, arguments.device, **how)
    finished = len(runs) - sum(map(len, (report.failed, report.stopped, report.elsewhere, report.left)))
    queue.say(f"{finished} of {len(runs)} runs are in the ledger, {len(report.done)} of them new")
    reasons = {
        "stopped, will go on from their checkpoints": report.stopped,
        "being computed by another process": report.elsewhere,
        "left (interrupted)" if report.interrupted else "left, as they would not end within the budget": report.left,
        "failed": report.failed,
    }
    for reason, some in reasons.items():
        if some:
            shown = "; ".join(map(str, some[:6])) + ("; …" if len(some) > 6 else "")
            queue.say(f"{len(some)} {reason}: {shown}")
    return 130 if report.interrupted else 1 if report.failed else 0


def verify_runs(arguments: argparse.Namespace) -> int:
    """Compute runs again and compare with the ledger; exit code 1 if one lies outside its interval."""
    from iai.study.jobs import queue, verify

    runs = queue.wanted(arguments.pattern, arguments.profile, arguments.seeds)
    findings = verify.verify(runs, arguments.jobs, arguments.device)
    print("\n".join(map(str, findings)))
    return int(any(finding.furthest > verify.STANDARD_ERRORS for finding in findings))


def print_claims(arguments: argparse.Namespace) -> int:
    """Print the verdict of every claim, or of one with each of its tests."""
    from iai.study.analysis.claims import claims
    from iai.study.jobs.run import PROFILES
    from iai.study.ledger.records import unknown

    if arguments.profile not in PROFILES:
        raise unknown("profile", arguments.profile, PROFILES)
    every = {claim.name: claim for claim in claims()}
    if arguments.name is not None and arguments.name not in every:
        raise unknown("claim", arguments.name, every)
    for claim in [every[arguments.name]] if arguments.name else every.values():
        profile = claim.profile or arguments.profile
        counted = f"{claim.counts(profile)}; {profile}"
        print(f"{claim.verdict(profile):15} {claim.name}: {claim.text} ({counted})")
        for test in claim.tests if arguments.name else ():
            print(f"  {test.outcome(profile):7} {test.shown(profile)}: {test}")
    return 0


def show_key(arguments: argparse.Namespace) -> int:
    """Print a key's config, and by profile its status, headline numbers and commands."""
    from iai.experiment import to_json
    from iai.study.jobs import queue
    from iai.study.jobs.run import PROFILES, experiment

    key = arguments.key
    print(json.dumps(to_json(experiment(key, "cpu")), indent=1))
    for profile in PROFILES:
        runs = queue.wanted(key, profile)
        if not runs:  # a profile that asks for no run of this key
            continue
        print(f"\n{profile}: " + ", ".join(f"seed {one.seed} {one.status()}" for one in runs))
        print("\n".join(headlines(key, profile)))
        print(f"  python -m iai run {key} --profile {profile} --seed 0")
        print(f"  python -m iai reproduce '{key}' --profile {profile} --seeds {len(runs)}")
    return 0


def headlines(key: str, profile: str) -> list[str]:
    """A line for each metric of each evaluation set: mean ± spread after some steps."""
    from iai.evaluation import generation
    from iai.study.ledger import records

    found = records.records(key, profile)
    lines = []
    for name, metrics in (found[0]["metrics"] if found else {}).items():
        for metric in metrics:
            points = records.curve(key, profile, name, metric)
            if isinstance(points, records.Missing):
                return [f"  {points}: {points.reason}"]
            steps = generation.ASKED if metric in generation.METRICS else HEADLINE_STEPS
            shown = {k: points[k] for k in steps if k < len(points)}
            cells = [f"k={k} {point} ± {point.spread:.2g}" for k, point in shown.items()]
            sources = " or ".join(sorted({point.source for point in shown.values()}))
            over = f"± standard error over {sources}, seeds {', '.join(map(str, points[0].seeds))}"
            lines.append(f"  {name} {metric}: {'  '.join(cells)}  ({over})")
    return lines
