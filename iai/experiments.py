"""How an experiment becomes a ledger record: trained, evaluated beside its baselines, and signed."""

import hashlib
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from iai import baselines, checkpoint, data, flows, parallel, results
from iai.amortizer import Amortizer
from iai.checkpoint import replace_file
from iai.configs import Experiment, build, from_json, to_json
from iai.cost import cost_of_update, load_of_update, peak_flops
from iai.evaluate import as_json, evaluate, evaluate_learner
from iai.failures import told
from iai.registry import EXPERIMENTS, PROFILES, SECONDS, Profile, experiment
from iai.tasks import Features, Images
from iai.train import Progress, pick_device, train
from iai.types import UserError

__all__ = ["EXPERIMENTS", "PROFILES", "SECONDS", "Profile", "experiment", "fit", "load", "run"]

BASELINE_STEPS = (0, 1, 2, 5, 10, 20)
"""Steps at which baselines that start afresh are asked."""


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
) -> results.Record:
    """Train (or go on with) one run, evaluate it beside its baselines, and return its ledger record."""
    chosen, where = experiment(key, profile), pick_device(device)
    path = checkpoint_path(key, profile, seed, folder)
    amortizer, done = fit(
        chosen, seed=seed, device=where, path=path, names={"key": key, "profile": profile}, show=progress
    )
    with told(
        f"an evaluation of {chosen.evaluation.chunk} tasks at a time", "lower EvaluationConfig.chunk", path
    ):
        metrics = {
            name: as_json(
                evaluate(amortizer, task, chosen.evaluation)
                | flows.curves(amortizer, task, chosen.evaluation)
            )
            for name, task in chosen.evaluation_sets.items()
        }
    return {
        "schema": results.SCHEMA,
        **identity(chosen, seed, {"key": key, "profile": profile}),
        "device": device_name(where),
        "torch": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **speed(chosen, amortizer, done),
        "metrics": metrics,
        "baselines": {
            name: baseline_curves(task, chosen, folder) for name, task in chosen.evaluation_sets.items()
        },
        "curve": training_curve(done),
    }


def fit(
    chosen: Experiment,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    path: Path | None = None,
    names: dict[str, str] | None = None,
    show: bool = True,
) -> tuple[Amortizer, Progress]:
    """Train the amortizer of any experiment; with `path`, from the checkpoint there and into it.

    A checkpoint belongs to a training: one that was to be judged otherwise will do.
    """
    amortizer = build(chosen, seed, device)
    if chosen.train.compile:
        amortizer.refiner.compile()
    who = identity(chosen, seed, names or {}) | {"config_hash": training_hash(chosen)}
    objective = chosen.objective
    parallel.share(objective.tasks // objective.steps)  # of the full horizon, when new tasks are fewest
    size = f"{objective.tasks} tasks of {objective.points} points and {objective.queries} queries an update"
    with told(f"{size}, width {chosen.refiner.width}", "lower tasks or points of the objective", path):
        done = train(amortizer, objective, chosen.train, seed=seed, path=path, identity=who, show=show)
    parallel.leave()
    return amortizer.eval(), done


def load(path: Path | str, device: torch.device | str = "cpu") -> Amortizer:
    """The trained amortizer of a checkpoint, ready for `amortizer(batches, x)`."""
    where = pick_device(str(device))
    tensors, metadata = checkpoint.read(Path(path), where)
    if "config" not in metadata:
        raise UserError(
            f"{path} does not say what was trained: train with `experiments.fit`, which writes that"
        )
    amortizer = build(from_json(metadata["config"]), 0, where)
    weights = {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    try:
        amortizer.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path} has other weights than this iai gives its config: train it again, or load it with the iai"
            f" of commit {metadata.get('commit')}"
        ) from error
    return amortizer.eval()


def identity(chosen: Experiment, seed: int, names: dict[str, str]) -> dict[str, Any]:
    """What a result is a result of: config, data, sources, commit."""
    config = to_json(chosen)
    tasks = [chosen.task, *chosen.evaluation_sets.values()]
    stored = [task for task in tasks if isinstance(task, Images | Features)]
    return {
        **names,
        "seed": seed,
        "config": config,
        "config_hash": results.config_hash(config),
        "sources_hash": results.sources_hash(),
        "commit": results.commit(),
        "data": {
            f"{t.dataset}/{t.file}/{t.source}": data.identity(t.dataset, t.file, t.source) for t in stored
        },
    }


def training_hash(chosen: Experiment) -> str:
    """The hash of what decides the weights: of the config without its evaluation."""
    config = to_json(chosen)
    return results.config_hash({name: config[name] for name in config if not name.startswith("evaluation")})


def speed(chosen: Experiment, amortizer: Amortizer, done: Progress) -> dict[str, Any]:
    """What the training took, and what one update asks of the device.

    Seconds; tokens and operations of the model, in all and a second; their share of the peak that matrix products
    reach here; operators launched by an update, and the bytes that it allocates at most.
    """
    with told("a second pool of tasks beside the trained model", "lower tasks of the objective"):
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


def baseline_curves(task: Any, chosen: Experiment, folder: Path) -> dict[str, Any]:
    """The baselines of a task on the evaluation's own batches; computed once and kept in `folder`."""
    steps = [k for k in BASELINE_STEPS if k <= chosen.evaluation.steps]
    kept = [to_json(task), to_json(chosen.evaluation), steps, results.sources_hash()]
    what = json.dumps(kept, sort_keys=True)
    path = folder / "baselines" / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return json.loads(path.read_text())
    learners = baselines.for_task(task, points=chosen.evaluation.points)
    curves = {
        name: as_json(
            evaluate_learner(learner, task, chosen.evaluation, steps)
            | flows.curves(learner, task, chosen.evaluation)
        )
        for name, learner in learners.items()
    }
    curves |= {name: as_json(found) for name, found in flows.references(task, chosen.evaluation).items()}
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
