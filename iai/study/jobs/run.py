"""How an experiment becomes a ledger record: trained, evaluated beside its baselines, and signed."""

import hashlib
import json
import platform
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from iai.baselines import classical as baselines
from iai.baselines.learned import LearnedBaseline
from iai.evaluation import generation
from iai.evaluation.evaluate import (
    Curve,
    EvaluationConfig,
    as_json,
    episodes,
    evaluate,
    evaluate_learner,
    one_context,
)
from iai.experiment import BaselineExperiment, Experiment, build, to_json
from iai.model.amortizer import Amortizer
from iai.study.jobs.errors import machine_errors
from iai.study.ledger import records
from iai.study.measure.cost import cost_of_adapting, cost_of_update, load_of_update, peak_flops
from iai.study.registry import EXPERIMENTS, PROFILES, SECONDS, Profile, experiment
from iai.tasks import Features, Images, data
from iai.training import distributed
from iai.training.checkpoint import Checkpoint, replace_file
from iai.training.loop import Progress, pick_device, train
from iai.types import Learner, StepwiseLearner

__all__ = ["EXPERIMENTS", "PROFILES", "SECONDS", "Profile", "experiment", "fit", "run"]

BASELINE_STEPS = (0, 1, 2, 5, 10, 20)
"""Steps at which baselines that start afresh are asked."""
MUST_MATCH = {"config_hash": "configuration", "seed": "seed", "sources_hash": "version of iai"}
"""What a checkpoint must share with a training that resumes from it, and its name in the error."""


def checkpoint_path(key: str, profile: str, seed: int, folder: Path) -> Path:
    """Where a run keeps its checkpoint."""
    return folder / profile / key / f"seed{seed}.safetensors"


def run(
    key: str,
    profile: str,
    seed: int,
    *,
    device: str | None = None,
    folder: Path = Path("runs"),
    progress: bool = True,
) -> records.Record:
    """Train (or go on with) one run, evaluate it beside its baselines, and return its ledger record."""
    chosen, where = experiment(key, profile), pick_device(device)
    path = checkpoint_path(key, profile, seed, folder)
    amortizer, done = fit(
        chosen, seed=seed, device=where, path=path, names={"key": key, "profile": profile}, show=progress
    )
    with machine_errors(
        f"an evaluation of {chosen.evaluation.chunk} tasks at a time", "lower EvaluationConfig.chunk", path
    ):
        metrics = {
            name: as_json(judged(amortizer, task, chosen.evaluation)) for name, task in chosen.evaluation_sets.items()
        }
    return {
        "schema": records.SCHEMA,
        **identity(chosen, seed, {"key": key, "profile": profile}),
        "device": device_name(where),
        "torch": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **speed(chosen, amortizer, done),
        "metrics": metrics,
        "asked": asked(amortizer, chosen.evaluation),
        "baselines": {name: baseline_curves(task, chosen, folder) for name, task in chosen.evaluation_sets.items()},
        "curve": training_curve(done),
        **adapting(chosen, amortizer),
    }


def judged(model: Amortizer | LearnedBaseline, task: Any, config: EvaluationConfig) -> dict[str, Curve]:
    """The metrics of a model after the steps of `asked`, and of what it generates."""
    if isinstance(model, StepwiseLearner) and not config.one_context:
        return evaluate(model, task, config) | generation.curves(model, task, config)
    device = next(model.parameters()).device
    with torch.no_grad():
        return evaluate_learner(learner_of(model, config), task, config, asked(model, config), device)


def learner_of(model: Amortizer | LearnedBaseline, config: EvaluationConfig) -> Learner:
    """The model as it is to be judged."""
    return one_context(model) if config.one_context else model


def asked(model: Amortizer | LearnedBaseline, config: EvaluationConfig) -> list[int]:
    """All steps of a model that goes from step to step; else those of baselines, and the last."""
    if isinstance(model, StepwiseLearner) and not config.one_context:
        return list(range(config.steps + 1))
    return sorted({k for k in BASELINE_STEPS if k < config.steps} | {config.steps})


def adapting(
    chosen: Experiment | BaselineExperiment, model: Amortizer | LearnedBaseline, steps: int = 10
) -> dict[str, Any]:
    """Seconds and operations of adapting to `steps` mini-batches of one task and answering, beside the baselines'."""
    task, config = next(iter(chosen.evaluation_sets.values())), replace(chosen.evaluation, tasks=1)
    device = next(model.parameters()).device
    batches, queries = next(episodes(task, config, device))
    mine = cost_of_adapting(learner_of(model, config), batches[:steps], queries)
    batches, queries = next(episodes(task, config))
    others = baselines.for_task(task, points=config.points).items()
    return {
        "adapt_seconds": mine["seconds"],
        "adapt_flops": mine["flops"],
        "baseline_costs": {name: cost_of_adapting(learner, batches[:steps], queries) for name, learner in others},
    }


def fit(
    chosen: Experiment | BaselineExperiment,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    path: Path | None = None,
    names: dict[str, str] | None = None,
    show: bool = True,
) -> tuple[Amortizer | LearnedBaseline, Progress]:
    """Train the model of any experiment; with `path`, from the checkpoint there and into it.

    A checkpoint belongs to a training: one that was to be judged otherwise will do.
    """
    amortizer = build(chosen, seed, device)
    if chosen.train.compile and isinstance(amortizer, Amortizer):
        amortizer.refiner.compile()
    who = identity(chosen, seed, names or {}) | {"config_hash": training_hash(chosen)}
    objective = chosen.objective
    distributed.share(objective.tasks // objective.steps)  # of the full horizon, when new tasks are fewest
    kept = Checkpoint(path, who, MUST_MATCH) if path else None
    size = f"{objective.tasks} tasks of {objective.points} points and {objective.queries} queries an update"
    model = f"width {chosen.refiner.width}" if isinstance(chosen, Experiment) else str(chosen.learner)
    with machine_errors(f"{size}, {model}", "lower tasks or points of the objective", path):
        done = train(amortizer, objective, chosen.train, seed=seed, checkpoint=kept, show=show)
    distributed.leave_group()
    return amortizer.eval(), done


def identity(chosen: Experiment | BaselineExperiment, seed: int, names: dict[str, str]) -> dict[str, Any]:
    """What a result is a result of: config, data, sources, commit."""
    config = to_json(chosen)
    tasks = (getattr(task, "task", task) for task in (chosen.task, *chosen.evaluation_sets.values()))
    stored = [task for task in tasks if isinstance(task, Images | Features)]
    return {
        **names,
        "seed": seed,
        "config": config,
        "config_hash": records.config_hash(config),
        "sources_hash": records.sources_hash(),
        "commit": records.commit(),
        "data": {f"{t.dataset}/{t.file}/{t.source}": data.identity(t.dataset, t.file, t.source) for t in stored},
    }


def training_hash(chosen: Experiment | BaselineExperiment) -> str:
    """The hash of what decides the weights: of the config without its evaluation."""
    config = to_json(chosen)
    return records.config_hash({name: config[name] for name in config if not name.startswith("evaluation")})


def speed(
    chosen: Experiment | BaselineExperiment, amortizer: Amortizer | LearnedBaseline, done: Progress
) -> dict[str, Any]:
    """What the training took, and what one update asks of the device.

    Seconds; tokens and operations of the model, in all and a second; their share of the peak that matrix products
    reach here; operators launched by an update, and the bytes that it allocates at most.
    """
    with machine_errors("a second pool of tasks beside the trained model", "lower tasks of the objective"):
        cost = cost_of_update(amortizer, chosen.objective)
        launched, peak = load_of_update(amortizer, chosen.objective, chosen.train)
    seconds, updates = max(done.seconds, 1e-9), done.update
    pace = cost.flops * updates / seconds
    return {
        "seconds": round(done.seconds, 2),
        "parameters": sum(p.numel() for p in amortizer.parameters()),
        "tokens_per_second": round(cost.tokens * updates / seconds),
        "flops": cost.flops * updates,
        "flops_per_second": round(pace),
        "utilisation": round(pace / peak_flops(next(amortizer.parameters()).device), 4),
        "launches": launched,
        "peak_memory": peak,
    }


def baseline_curves(task: Any, chosen: Experiment | BaselineExperiment, folder: Path) -> dict[str, Any]:
    """The baselines of a task on the evaluation's own batches; computed once and kept in `folder`."""
    steps = [k for k in BASELINE_STEPS if k <= chosen.evaluation.steps]
    kept = [to_json(task), to_json(chosen.evaluation), steps, records.sources_hash()]
    what = json.dumps(kept, sort_keys=True)
    path = folder / "baselines" / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return json.loads(path.read_text())
    learners = baselines.for_task(task, points=chosen.evaluation.points)
    curves = {
        name: as_json(
            evaluate_learner(learner, task, chosen.evaluation, steps)
            | generation.curves(learner, task, chosen.evaluation)
        )
        for name, learner in learners.items()
    }
    curves |= {name: as_json(found) for name, found in generation.references(task, chosen.evaluation).items()}
    replace_file(path, json.dumps(curves).encode())
    return curves


def training_curve(done: Progress, points: int = 200) -> dict[str, list[int] | list[float]]:
    """Training loss against update, averaged over at most 200 stretches."""
    losses = torch.stack([loss.float().cpu() for loss in done.losses])
    chunks = losses.tensor_split(min(points, len(losses)))
    ends = torch.tensor([len(chunk) for chunk in chunks]).cumsum(0)
    return {"update": ends.tolist(), "loss": [float(f"{chunk.mean().item():.5g}") for chunk in chunks]}


def device_name(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"
