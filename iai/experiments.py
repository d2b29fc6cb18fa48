"""Every run of the book: experiments keyed by paper table, in three sizes, and how one becomes a ledger record."""

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from iai import baselines, checkpoint, data, results
from iai.amortizer import Amortizer
from iai.checkpoint import replace_file
from iai.configs import Experiment, RegimeName, build, from_json, to_json
from iai.cost import cost_of_update, peak_flops
from iai.evaluate import EvaluationConfig, as_json, evaluate, evaluate_learner
from iai.objectives import Greedy
from iai.refiner import RefinerConfig
from iai.regimes import Signal, Signals
from iai.tasks import Images, LinearRegression
from iai.train import Progress, TrainConfig, pick_device, train
from iai.types import UserError

Profile = Literal["smoke", "cpu", "gpu"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
SECONDS: dict[str, float] = {"smoke": 10, "cpu": 180, "gpu": 180}
"""What a run of a profile may take: one core, one core, one H100-class GPU."""

BASELINE_STEPS = (0, 1, 2, 5, 10, 20)
"""Steps at which baselines that start afresh are asked."""


def linear_regression(profile: Profile) -> Experiment:
    """Shared by all rows of linear regression; the d = 100 of `gpu` is our reading of the paper's setting."""
    d, points = {"smoke": (4, 4), "cpu": (10, 10), "gpu": (100, 50)}[profile]
    tasks, updates, lr = LINEAR_REGRESSION_TRAINING[profile]
    width, depth = {"smoke": (32, 2), "cpu": (64, 3), "gpu": (256, 4)}[profile]
    task = LinearRegression(dimension=d, bias=True, noise_variance=0.25)
    return Experiment(
        regime="parametric",
        objective=Greedy(task=task, tasks=tasks, steps=10, points=points, queries=2 * points, growth=0.3),
        evaluation_sets={"linear-regression": task},
        evaluation=EvaluationConfig(points=points, tasks={"smoke": 64, "cpu": 256, "gpu": 1024}[profile]),
        latent=2 * (d + 1),
        refiner=RefinerConfig(width=width, depth=depth, heads=2, feedforward=4 * width),
        train=TrainConfig(updates=updates, lr=lr),
    )


def mnist(profile: Profile) -> Experiment:
    """Shared by all rows of MNIST: a random projection and a random order of the labels a task."""
    source: Literal["full", "sample"] = "sample" if profile == "smoke" else "full"
    ways, projection = (5, 16) if profile == "smoke" else (10, 64)
    task = Images(dataset="mnist", law="both", projection=projection, ways=ways, source=source)
    tasks, steps, points = {"smoke": (12, 4, 16), "cpu": (16, 8, 32), "gpu": (60, 10, 64)}[profile]
    updates, lr = MNIST_TRAINING[profile]
    width, depth, latent = {"smoke": (32, 2, 24), "cpu": (96, 2, 80), "gpu": (256, 4, 80)}[profile]
    return Experiment(
        regime="parametric",
        objective=Greedy(task=task, tasks=tasks, steps=steps, points=points, queries=64, growth=0.3),
        evaluation_sets={
            name: replace(task, dataset=name, split="test") for name in ("mnist", "fashion-mnist")
        },
        evaluation=EvaluationConfig(points=points, tasks={"smoke": 16, "cpu": 128, "gpu": 512}[profile]),
        latent=latent,
        refiner=RefinerConfig(width=width, depth=depth, heads=1, feedforward=4 * width, bilinear=False),
        train=TrainConfig(updates=updates, lr=lr),
    )


LINEAR_REGRESSION_TRAINING = {"smoke": (40, 300, 3e-3), "cpu": (120, 2400, 3e-3), "gpu": (240, 12_000, 1e-3)}
"""Tasks in flight, updates and learning rate by profile; a 1-step model has half the updates."""

MNIST_TRAINING = {"smoke": (300, 3e-3), "cpu": (1400, 2e-3), "gpu": (10_000, 1e-3)}
"""Updates and learning rate by profile; a 1-step model has half the updates."""


def with_one_step(experiment: Experiment) -> Experiment:
    """The model that the paper compares with: trained on one step, given the same points a step."""
    return replace(_half(experiment), objective=replace(experiment.objective, steps=1))


def _registry() -> dict[str, Callable[[Profile], Experiment]]:
    """All keys of the paper's Tables 2 to 4, in the order in which they are most wanted."""
    families = {"linear-regression": linear_regression, "mnist": mnist}
    rows: dict[str, tuple[RegimeName, list[Signals]]] = {
        "table2": ("parametric", ["data", "grad", "grad+data"]),
        "table4": ("implicit", ["data"]),
        "table3": ("explicit", ["data", "grad", "grad+data"]),
    }
    found: dict[str, Callable[[Profile], Experiment]] = {}
    for suffix in ("", "-1-step"):
        for table, (regime, signals) in rows.items():
            for family, base in families.items():
                for kind in signals:
                    found[f"{table}/{family}/{kind}{suffix}"] = _row(base, regime, kind, bool(suffix))
    return found


def _row(
    base: Callable[[Profile], Experiment], regime: RegimeName, kind: Signals, one_step: bool
) -> Callable[[Profile], Experiment]:
    def make(profile: Profile) -> Experiment:
        experiment = replace(base(profile), regime=regime, signal=Signal(kind=kind))
        if regime == "implicit":
            experiment = replace(experiment, refiner=_for_queries(experiment.refiner))
        return with_one_step(experiment) if one_step else experiment

    return make


def _for_queries(config: RefinerConfig) -> RefinerConfig:
    """Independent slots compare inputs alone: x starts apart from all else, unless products of x and y are shown."""
    return config if config.bilinear else replace(config, apart=2 / 3)


def _token_scale() -> dict[str, Callable[[Profile], Experiment]]:
    """What the start of the encoders and of attention is worth: chapter 3."""

    def implicit(**changes: Any) -> Callable[[Profile], Experiment]:
        def make(profile: Profile) -> Experiment:
            whole = EXPERIMENTS["table4/mnist/data"](profile)
            return replace(_half(whole), refiner=replace(whole.refiner, **changes))

        return make

    def product(shown: bool) -> Callable[[Profile], Experiment]:
        def make(profile: Profile) -> Experiment:
            whole = EXPERIMENTS["table2/linear-regression/data"](profile)
            return replace(_half(whole), refiner=replace(whole.refiner, bilinear=shown))

        return make

    return {
        "token-scale/mnist/matched": implicit(),
        "token-scale/mnist/mixed": implicit(apart=0.0),
        "token-scale/mnist/untied": implicit(tied=0.0),
        "token-scale/mnist/unmatched": implicit(apart=0.0, matched=False),
        "token-scale/linear-regression/product": product(True),
        "token-scale/linear-regression/no-product": product(False),
    }


def _half(experiment: Experiment) -> Experiment:
    """The same with half the updates."""
    return replace(experiment, train=replace(experiment.train, updates=experiment.train.updates // 2))


EXPERIMENTS = _registry()
EXPERIMENTS |= _token_scale()


def experiment(key: str, profile: str) -> Experiment:
    """The experiment of a key at a profile; an unknown one is a `UserError` with the near matches."""
    if key not in EXPERIMENTS:
        raise results.unknown("key", key, EXPERIMENTS)
    if profile not in PROFILES:
        raise results.unknown("profile", profile, PROFILES)
    return EXPERIMENTS[key](profile)


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
    metrics = {
        name: as_json(evaluate(amortizer, task, chosen.evaluation))
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
    """Train the amortizer of any experiment; with `path`, from the checkpoint there and into it."""
    amortizer = build(chosen, seed, device)
    who = identity(chosen, seed, names or {})
    done = train(amortizer, chosen.objective, chosen.train, seed=seed, path=path, identity=who, show=show)
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
    amortizer.load_state_dict(
        {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    )
    return amortizer.eval()


def identity(chosen: Experiment, seed: int, names: dict[str, str]) -> dict[str, Any]:
    """What a result is a result of: config, data, sources, commit."""
    config = to_json(chosen)
    images = [task for task in [chosen.task, *chosen.evaluation_sets.values()] if isinstance(task, Images)]
    return {
        **names,
        "seed": seed,
        "config": config,
        "config_hash": results.config_hash(config),
        "sources_hash": results.sources_hash(),
        "commit": results.commit(),
        "data": {
            f"{t.dataset}/{t.split}/{t.source}": data.identity(t.dataset, t.split, t.source) for t in images
        },
    }


def speed(chosen: Experiment, amortizer: Amortizer, done: Progress) -> dict[str, Any]:
    """Seconds of training, tokens and floating-point operations, and their share of the device's matmul peak."""
    cost = cost_of_update(amortizer, chosen.objective)
    seconds, updates = max(done.seconds, 1e-9), chosen.train.updates
    return {
        "seconds": round(done.seconds, 2),
        "parameters": sum(p.numel() for p in amortizer.parameters()),
        "tokens_per_second": round(cost.tokens * updates / seconds),
        "flops": cost.flops * updates,
        "utilisation": round(
            cost.flops * updates / seconds / peak_flops(next(amortizer.parameters()).device), 4
        ),
    }


def baseline_curves(task: Any, chosen: Experiment, folder: Path) -> dict[str, Any]:
    """The baselines of a task on the evaluation's own batches; computed once and kept in `folder`."""
    what = json.dumps([to_json(task), to_json(chosen.evaluation), results.sources_hash()], sort_keys=True)
    path = folder / "baselines" / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return json.loads(path.read_text())
    curves = {
        name: as_json(evaluate_learner(learner, task, chosen.evaluation, BASELINE_STEPS))
        for name, learner in baselines.for_task(task, points=chosen.evaluation.points).items()
    }
    replace_file(path, json.dumps(curves).encode())
    return curves


def training_curve(done: Progress, points: int = 200) -> dict[str, list[float]]:
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
