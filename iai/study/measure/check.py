"""Does this machine compute what it should, and how fast? Checks of about a minute, for a table and a bug report."""

import json
import platform
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import collect_env

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment, build
from iai.model import Amortizer, RefinerConfig, Signal
from iai.study.ledger import records
from iai.study.measure.cost import cost_of_update, load_of_update, peak_flops
from iai.study.measure.meter import seconds
from iai.study.measure.passes import available_bytes
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    InTurn,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    Smooth,
    SmoothClasses,
    data,
    episode,
)
from iai.tasks.stored import Relabelled
from iai.training import Checkpoint, Greedy, Progress, TrainConfig, loop, make_optimizer, replace_file
from iai.training.graph import waits
from iai.types import UserError

LIMITS = {"cpu": 0.0, "cuda": 1e-3, "bfloat16": 0.25, "captured": 0.02, "compiled": 0.02}
"""How far two trainings may be apart, over the largest number: their losses and weights (on a GPU sums have no order),
their last losses in two precisions, and their first losses by eager updates and by faster ones."""
KINDS = {"parametric": ("data", "grad", "grad+data"), "explicit": ("data", "grad", "grad+data"), "implicit": ("data",)}
TASKS: tuple[Any, ...] = (
    *(LinearRegression(), Gravity(), CausalOrder(), Letters(), Mixture(), Reused(task=Gravity(), distinct=2)),
    *(Smooth(), SmoothClasses()),
    *(Images(source="sample"), Features(dataset="mnist", source="sample", ways=5)),
    *(
        Images(source="sample", distinct_laws=9),
        Relabelled(task=Images(source="sample")),
        InTurn(task=Images(source="sample")),
    ),
)


class NotApplicable(Exception):
    """A check that this machine cannot make."""


class Stopping(Checkpoint):
    """A checkpoint whose training is stopped once it is written."""

    def save(self, *arguments: Any) -> None:
        super().save(*arguments)
        raise loop.Interrupted


def check(device: torch.device, threads: int, report: str | None = None) -> dict[str, Any]:
    """Print versions, a line for each check, and the verdict; returns it all as plain data, for a file `report` too."""
    if report and not Path(report).expanduser().absolute().parent.is_dir():
        raise UserError(f"--json {report}: there is no such folder")
    torch.set_num_threads(threads)
    with torch.cuda.device_of(torch.empty(0, device=device)):
        facts, found = machine(device), []
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    for name, one in checks().items():
        try:
            with torch.cuda.device_of(torch.empty(0, device=device)):
                outcome, detail = "ok", one(device)
        except NotApplicable as reason:
            outcome, detail = "not applicable", str(reason)
        except Exception as error:  # whatever it is, the other checks go on
            outcome, detail = "wrong", (str(error).splitlines() or [""])[0] or type(error).__name__
        found.append({"name": name, "outcome": outcome, "detail": detail})
        print(f"{outcome:15} {name:54} {detail}", flush=True)
    wrong = [one["name"] for one in found if one["outcome"] == "wrong"]
    print(f"WRONG: {'; '.join(wrong)}" if wrong else "all that applies is right")
    made = {"verdict": "wrong" if wrong else "right", "machine": facts, "checks": found}
    if report:
        replace_file(Path(report).expanduser(), json.dumps(made, indent=1).encode())
    return made


def checks() -> dict[str, Callable[[torch.device], str]]:
    """All checks by name; each returns what it found, or raises."""
    cases = ((regime, mask, kind) for regime in KINDS for mask in ("full", "causal") for kind in KINDS[regime])
    return {
        **{f"captured = eager = resumed: {', '.join(case)}": partial(same_training, *case) for case in cases},
        "bfloat16 against float32": bfloat16,
        **{f"draws never wait: {type(task).__name__} ({i})": partial(draws, task) for i, task in enumerate(TASKS, 1)},
        **{f"updates a second: {how}": partial(pace, how) for how in ("eager", "captured", "compiled")},
        "peak, utilisation, memory": load,
        "data sets": data_sets,
    }


def machine(device: torch.device) -> dict[str, Any]:
    """Versions and capabilities."""
    found: dict[str, Any] = {"commit": records.commit(), "python": platform.python_version()}
    found |= {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}
    found |= {"cpu bfloat16": bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())}
    found |= {"threads": torch.get_num_threads(), "device": str(device)}
    if device.type == "cuda":
        facts, half = torch.cuda.get_device_properties(device), torch.cuda.is_bf16_supported(including_emulation=False)
        found |= {"paper": facts.name, "capability": f"{facts.major}.{facts.minor}", "bfloat16": half}
        found |= {"cuda": torch.version.cuda, "driver": collect_env.get_nvidia_driver_version(collect_env.run)}
    return found


def trial(regime: Any, mask: Any, kind: Any) -> Experiment:
    """A small training whose horizon grows, so that several pools are at work."""
    return Experiment(
        regime=regime,
        objective=Greedy(task=LinearRegression(dimension=2), tasks=8, steps=4, points=5, queries=4, growth=0.5),
        evaluation_sets={},
        evaluation=EvaluationConfig(),
        signal=Signal(kind=kind, tokens="running" if mask == "causal" else "mean", history=1),
        refiner=RefinerConfig(width=16, depth=2, heads=2, feedforward=32, mask=mask),
        train=TrainConfig(updates=48, warmup=5, lr=0.01, precision="float32", checkpoint_seconds=0.0),
    )


def trained(chosen: Experiment, device: torch.device, checkpoint: Checkpoint | None = None, **changes: Any) -> Tensor:
    """The losses, then the weights, of a training."""
    model, config = build(chosen, 0, device), replace(chosen.train, **changes)
    done = loop.train(model, chosen.objective, config, seed=3, checkpoint=checkpoint, show=False)
    return torch.cat([torch.stack(done.losses).cpu(), *(p.detach().cpu().flatten() for p in model.parameters())])


def same_training(regime: str, mask: str, kind: str, device: torch.device) -> str:
    """Captured updates (on a CPU without a graph), eager ones, and a stopped and resumed training are the same."""
    run = partial(trained, trial(regime, mask, kind), device)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("error", message="an update waits")
        eager, path = run(capture=False), Path(folder) / "training.safetensors"
        with suppress(loop.Interrupted):
            run(Stopping(path))
            raise AssertionError("a training that was stopped went on")
        agree(run(Checkpoint(path)), eager, device.type, "resumed")
        with patch.object(loop, "captures", lambda *arguments: True):
            return agree(run(), eager, device.type, "captured")


def agree(one: Tensor, other: Tensor, case: str, what: str) -> str:
    """How far two vectors are apart, over the largest number; an error where that is more than a limit."""
    far = ((one - other).abs().max() / other.abs().max()).item()
    if not far <= LIMITS[case]:
        raise AssertionError(f"{what} is {far:.1g} away from what it should be")
    return f"within {far:.1g}" if far else "to the last bit"


def bfloat16(device: torch.device) -> str:
    """Models trained in both precisions are as good, by their losses in the last third of a training."""
    run = partial(trained, trial("parametric", "full", "data"), device, updates=150)
    ends = [run(precision=precision)[100:150].mean() for precision in ("float32", "bfloat16")]
    return f"losses of {ends[0]:.3g} {agree(ends[1], ends[0], 'bfloat16', 'the loss in bfloat16')}"


def draws(task: Any, device: torch.device) -> str:
    """A draw never makes the host wait for the device; a CPU shows this on tensors without content."""
    draw = partial(episode, task, torch.Generator(device), 2, 2, 5, getattr(task, "nodes", 4))
    draw()  # loads its data
    if device.type == "cuda" and (place := waits(draw)):
        raise AssertionError(f"waits for the GPU at {place}")
    if device.type != "cuda":
        with FakeTensorMode(allow_non_fake_inputs=True):
            draw()
    return "on the GPU" if device.type == "cuda" else "on tensors without content"


@cache
def measured(how: str, device: torch.device) -> tuple[float, Tensor, Amortizer, Experiment]:
    """Updates a second of a training of a usual size, the losses of its first roll-out, its model and its config."""
    width, depth, tasks, points = (256, 4, 240, 50) if device.type == "cuda" else (64, 2, 40, 20)
    chosen, task, done = trial("parametric", "full", "data"), LinearRegression(dimension=20), Progress()
    objective = Greedy(task=task, tasks=tasks, steps=1, points=points, queries=points, passes_per_fill=20)
    refiner = RefinerConfig(width=width, depth=depth, feedforward=4 * width)
    config = TrainConfig(updates=10_000, warmup=5, lr=0.01, capture=how == "captured")
    chosen = replace(chosen, objective=objective, refiner=refiner, train=config)
    model = build(chosen, 0, device)
    if how == "compiled":
        model.refiner.compile()
    roll_out = loop.rollout_function(model, objective, make_optimizer(model, config), config, 0)
    roll_out(done)
    losses = torch.stack(done.losses).float().cpu()
    return len(losses) / min(seconds(lambda: roll_out(done), device) for _ in range(3)), losses, model, chosen


def pace(how: str, device: torch.device) -> str:
    """Updates a second, with the losses of eager ones."""
    if how == "captured" and device.type != "cuda":
        raise NotApplicable("needs CUDA")
    try:
        speed, losses, *_ = measured(how, device)
    except Exception as error:
        if how != "compiled":
            raise
        raise NotApplicable(f"torch.compile: {(str(error).splitlines() or [type(error).__name__])[0]}") from error
    first = slice(5)  # later, roundings have grown: two precisions of the same updates are 4 % apart after twenty
    same = (
        "" if how == "eager" else ", losses " + agree(losses[first], measured("eager", device)[1][first], how, "a loss")
    )
    return f"{speed:.4g}{same}"


def load(device: torch.device) -> str:
    """The peak that products of matrices reach, the share of it that a training reaches, and memory."""
    speed, _, model, chosen = measured("captured" if device.type == "cuda" else "eager", device)
    peak, free = peak_flops(device, chosen.train), available_bytes(device)
    share = cost_of_update(model, chosen.objective).flops * speed / peak
    held = load_of_update(model, chosen.objective, chosen.train)[1]
    return f"{peak / 1e12:.3g} TFLOP/s, {share:.0%} of it in training, {held / 1e6:.0f} MB of {free / 1e9:.1f} GB free"


def data_sets(device: torch.device) -> str:
    """The data sets that are found, which must be the published ones, and files of features."""
    names = [name for name, one in data.DATASETS.items() if (data.root() / one.torchvision).is_dir()]
    files = [path.stem for path in sorted((data.root() / "features").glob("*.npz")) if path.stem != "projection"]
    sizes = {name: sum(len(data.images(name, split)[0]) for split in data.SPLITS) for name in names}
    sizes |= {f"features of {name}": len(data.features(name).y_train) for name in files}
    if not sizes:
        raise NotApplicable("none in IAI_DATA")
    return ", ".join(f"{name} ({size})" for name, size in sizes.items())
