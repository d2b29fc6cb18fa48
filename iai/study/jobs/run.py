"""How an experiment becomes a ledger record: trained, evaluated beside its baselines, with what determined it."""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from iai.baselines import classical as baselines
from iai.baselines.learned import LearnedBaseline
from iai.evaluation import EvaluationConfig, as_json, episodes, evaluate, generation, one_context
from iai.experiment import BaselineExperiment, Experiment, build, check_apart, to_json
from iai.model import Amortizer
from iai.study.jobs import MachineError
from iai.study.jobs.executors import environment, launch
from iai.study.jobs.runs import COMMAND, Run, runs_root
from iai.study.ledger import records
from iai.study.ledger.schema import means_alone
from iai.study.measure.cost import cost_of_adapting, cost_of_update, load_of_update, peak_flops
from iai.study.registry import experiment
from iai.tasks import Features, Images, data
from iai.training import Checkpoint, ProcessLost, Progress, distributed, pick_device, replace_file, train
from iai.training.graph import half
from iai.types import Learner, StepwiseLearner

BASELINE_STEPS = (0, *baselines.STEPS)
"""Steps after which baselines are evaluated, each of which starts afresh."""
MUST_MATCH = {"config_hash": "configuration", "seed": "seed", "sources_hash": "version of iai"}
"""What a checkpoint must share with a training that resumes from it, and its name in the error."""
Trained = Experiment | BaselineExperiment
Model = Amortizer | LearnedBaseline


@contextmanager
def machine_errors(size: str, remedy: str, path: Path | None = None) -> Iterator[None]:
    """Turn errors of the machine during work of some `size` into a `MachineError`; `path` is its checkpoint's."""
    try:
        yield
    except (ProcessLost, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "out of memory" in first or "can't allocate memory" in first:
            raise MachineError(f"out of memory at {size}: {remedy} ({first})") from error
        if not isinstance(error, ProcessLost):
            if "CUDA error" not in first and "NCCL" not in first:
                raise
            first = f"the device was lost ({first})"
        kept = "there was no checkpoint yet; run the same command to start again"
        if path and path.exists():
            kept = f"the last checkpoint is {path}; run the same command to go on"
        raise MachineError(f"{first}: {kept}") from error


def run(one: Run, *, device: str | None = None, show: bool = True) -> records.Record:
    """Train one run, from its checkpoint if there is one, evaluate it beside its baselines, and return its record."""
    chosen, where = experiment(one.key, one.profile), pick_device(device)
    check_apart(chosen)
    names = {"key": one.key, "profile": one.profile}
    config, sets = chosen.evaluation, chosen.evaluation_sets.items()
    with baselines_beside(one, where) as finish:
        model, done = fit(chosen, seed=one.seed, device=where, path=one.checkpoint, names=names, show=show)
        size = f"an evaluation of {config.chunk} tasks at a time"
        with machine_errors(size, "lower EvaluationConfig.chunk", one.checkpoint):
            metrics = {name: as_json(judged(model, task, config)) for name, task in sets}
        finish()
    cost = adapting(learner_of(model, config), next(iter(chosen.evaluation_sets.values())), config, where)
    cpu = f"{processor()}, {torch.get_num_threads()} thread(s)"
    return {
        "schema": records.SCHEMA,
        **identity(chosen, one.seed, names),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else cpu,
        "torch": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **speed(chosen, model, done),
        "metrics": metrics,
        "asked": evaluated_steps(model, config),
        **compared_with(chosen, one.seed),
        "curve": training_curve(done),
        "adapt_seconds": cost["seconds"],
        "adapt_flops": cost["flops"],
    }


def compared_with(chosen: Trained, seed: int) -> records.Record:
    """The part of a record that is about its baselines."""
    beside = {name: baseline_results(task, chosen.evaluation) for name, task in chosen.evaluation_sets.items()}
    if seed:  # baselines do not depend on it: single tasks are in the record of the first seed
        beside = means_alone(beside)
    return {
        "baselines": {name: found["curves"] for name, found in beside.items()},
        "baseline_costs": next(found["costs"] for found in beside.values()),
        "baselines_hash": records.sources_hash(),
    }


def renew_baselines(one: Run) -> bool:
    """Put the baselines of this code into the record of a run that is done; whether there is such a record."""
    with records.lock(*one):
        if one.status(locked=False) != "done":
            return False
        record = records.read(records.path_of(*one))
        records.write(record | compared_with(experiment(one.key, one.profile), one.seed))
    return True


def processor() -> str:
    """The CPU by its name, where Linux tells it: seconds of two records compare only where it is the same."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def judged(model: Model, task: Any, config: EvaluationConfig) -> dict[str, Any]:
    """The metrics of a model after `evaluated_steps`, and those of what it generates."""
    if isinstance(model, StepwiseLearner) and not config.one_context:
        return evaluate(model, task, config) | generation.curves(model, task, config)
    device = next(model.parameters()).device
    with torch.no_grad():
        return evaluate(learner_of(model, config), task, config, evaluated_steps(model, config), device)


def learner_of(model: Model, config: EvaluationConfig) -> Learner:
    """The learner to be evaluated: the model, which in `one_context` reads all observations as one mini-batch."""
    return one_context(model) if config.one_context else model


def evaluated_steps(model: Model, config: EvaluationConfig) -> list[int]:
    """The steps after which a model is evaluated: all, or those of baselines and the last if it starts afresh."""
    if isinstance(model, StepwiseLearner) and not config.one_context:
        return list(range(config.steps + 1))
    return sorted({k for k in BASELINE_STEPS if k < config.steps} | {config.steps})


def adapting(learner: Learner, task: Any, config: EvaluationConfig, device: torch.device | str = "cpu") -> Any:
    """Seconds and operations of a learner that adapts to ten mini-batches of one task and answers."""
    batches, queries = next(episodes(task, replace(config, tasks=1), device))
    return cost_of_adapting(learner, batches[:10], queries)


def fit(
    chosen: Trained,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    path: Path | None = None,
    names: dict[str, str] | None = None,
    show: bool = True,
) -> tuple[Model, Progress]:
    """Train the model of an experiment; with `path`, from the checkpoint there and into it.

    A checkpoint fits any experiment of the same training, however that is evaluated.
    """
    model, objective = build(chosen, seed, device), chosen.objective
    metadata = identity(chosen, seed, names or {}) | {"config_hash": training_hash(chosen)}
    kept = Checkpoint(path, metadata, MUST_MATCH) if path else None
    distributed.share(objective.tasks // objective.steps)  # of the full horizon, when new tasks are fewest
    size = f"{objective.tasks} tasks of {objective.points} points and {objective.queries} queries an update"
    words = f"width {chosen.refiner.width}" if isinstance(chosen, Experiment) else str(chosen.learner)
    with machine_errors(f"{size}, {words}", "lower tasks or points of the objective", path):
        done = train(model, objective, chosen.train, seed=seed, checkpoint=kept, show=show)
    distributed.leave_group()
    return model.eval(), done


def identity(chosen: Trained, seed: int, names: dict[str, str]) -> dict[str, Any]:
    """What determines a result: config, data, sources, commit."""
    config = to_json(chosen)
    tasks = (getattr(task, "task", task) for task in (chosen.task, *chosen.evaluation_sets.values()))
    stored = [(t.dataset, t.file, t.source) for t in tasks if isinstance(t, Images | Features)]
    return {
        **names,
        "seed": seed,
        "config": config,
        "config_hash": records.config_hash(config),
        "sources_hash": records.sources_hash(),
        "commit": records.commit(),
        "data": {"/".join(place): data.identity(*place) for place in stored},
    }


def training_hash(chosen: Trained) -> str:
    """The hash of what determines the weights: of the config without its evaluation."""
    config = to_json(chosen)
    return records.config_hash({name: config[name] for name in config if not name.startswith("evaluation")})


def speed(chosen: Trained, model: Model, done: Progress) -> dict[str, Any]:
    """What the training took, in which precision, and what one update costs the device.

    Seconds; tokens and operations of the model, in all and a second; their share of the peak that matrix products
    reach here; operators launched by an update, and the bytes that it allocates at most.
    """
    with machine_errors("a second pool of tasks beside the trained model", "lower tasks of the objective"):
        cost = cost_of_update(model, chosen.objective)
        launched, peak = load_of_update(model, chosen.objective, chosen.train)
    seconds, updates = max(done.seconds, 1e-9), done.update
    pace = cost.flops * updates / seconds
    return {
        "seconds": round(done.seconds, 2),
        "precision": "bfloat16" if half(chosen.train, next(model.parameters()).device) else "float32",
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": round(cost.tokens * updates / seconds),
        "flops": cost.flops * updates,
        "flops_per_second": round(pace),
        "utilisation": round(pace / peak_flops(next(model.parameters()).device, chosen.train), 4),
        "launches": launched,
        "peak_memory": peak,
    }


def baseline_results(task: Any, config: EvaluationConfig) -> dict[str, Any]:
    """`curves` of the baselines of a task on the evaluation's own batches, and their `costs` of adapting to one.

    Computed once on the CPU, and kept beside the checkpoints.
    """
    steps = [k for k in BASELINE_STEPS if k <= config.steps]
    what = json.dumps([to_json(task), to_json(config), steps, records.sources_hash()], sort_keys=True)
    path = runs_root() / "baselines" / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
    with suppress(
        OSError, LookupError, TypeError, ValueError, RecursionError
    ):  # computed again where it is not as it was written
        kept = json.loads(path.read_bytes())
        if kept["content"] == records.config_hash(kept["found"]):
            return kept["found"]
    learners = baselines.for_task(task, config.points, config.steps)
    curves = {
        name: evaluate(learner, task, config, steps) | generation.curves(learner, task, config)
        for name, learner in learners.items()
    } | generation.references(task, config)
    costs = {name: adapting(learner, task, config) for name, learner in learners.items()}
    found = {"curves": {name: as_json(curve) for name, curve in curves.items()}, "costs": costs}
    with suppress(OSError):  # of another user, say: it is computed again next time
        replace_file(path, json.dumps({"content": records.config_hash(found), "found": found}).encode())
    return found


@contextmanager
def baselines_beside(one: Run, device: torch.device) -> Iterator[Callable[[], object]]:
    """While a GPU works in the block, compute the run's baselines in a process of the CPU; yields what waits for it.

    They take longer than the training. `baseline_results` computes what that process did not.
    """
    if device.type != "cuda":
        yield lambda: None
        return
    command = [*COMMAND, "baselines", one.key, "--profile", one.profile]
    process = launch(
        command, environment() | {"CUDA_VISIBLE_DEVICES": ""}, one.checkpoint.with_suffix(".baselines.log")
    )
    try:
        yield process.wait
    finally:
        process.kill()
        process.wait()


def training_curve(done: Progress, points: int = 200) -> dict[str, list[int] | list[float]]:
    """Training loss against update, averaged over at most `points` stretches."""
    losses = torch.stack(done.losses).float().cpu()
    chunks = losses.tensor_split(min(points, len(losses)))
    ends = torch.tensor([len(chunk) for chunk in chunks]).cumsum(0)
    return {"update": ends.tolist(), "loss": [float(f"{chunk.mean().item():.5g}") for chunk in chunks]}
