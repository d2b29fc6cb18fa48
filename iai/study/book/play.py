"""A page to play with: implicit amortizers that a reader steps in the browser, on points that the reader places."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iai.experiment import Experiment, restore
from iai.model.amortizer import Amortizer
from iai.model.refiner import Refiner
from iai.model.regimes import Predictions
from iai.study.jobs.runs import Run
from iai.tasks.smooth import EDGE, WALL, Smooth
from iai.training import checkpoint
from iai.types import UserError

FILES = Path(__file__).with_suffix("")
"""The folder of the style and of the scripts."""
FACTS = ("steps", "batch", "x", "y", "prior")
"""What a page has to know of a training: its steps, its largest batch, the largest |x| and usual |y|, its prior."""
KEPT = {
    "curve": "smooth/curve/implicit/data",
    "single": "smooth/curve/implicit/data-1-step",
    "map": "smooth/map/implicit/data",
}
"""The keys of the models that the package has, by their names on the page."""
PANELS = {"curve": (1, 1), "map": (2, 4), "single": (1, 1)}
"""dx and dy of the models that a page can show."""


def keep(name: str, profile: str = "small", seed: int = 0) -> Path:
    """Put the weights of a finished run in the package, in float16; `UserError` if its checkpoint is not there."""
    tensors, metadata = checkpoint.read(Run(KEPT[name], profile, seed).checkpoint)
    weights = {f"model.{part}": one.half() for part, one in checkpoint.under("model.", tensors).items()}
    del metadata["progress"]
    return checkpoint.write(FILES / f"{name}.safetensors", weights, metadata)


def kept() -> dict[str, dict[str, Any]]:
    """The models of the package by name, exported with the facts of their trainings."""
    found = {name: restore(FILES / f"{name}.safetensors", "cpu") for name in KEPT}
    return {name: exported(model, **facts(chosen)) for name, (chosen, model, _) in found.items()}


def facts(chosen: Experiment) -> dict[str, Any]:
    """`FACTS` of an experiment on smooth tasks: y within three standard deviations of f."""
    task, objective = chosen.task, chosen.objective
    if not isinstance(task, Smooth):
        raise UserError(f"{type(task).__name__} has no prior that a page can draw: give the facts {FACTS} yourself")
    prior = {"L": WALL, "s": task.scales().tolist(), "noise": task.noise_sd**2}
    return {"steps": objective.steps, "batch": objective.points, "x": EDGE, "y": 3.0, "prior": prior}


def exported(model: Amortizer, **facts: Any) -> dict[str, Any]:
    """A model as JSON for `forward.js`: its sizes, the weights that it reads in float16, and facts for the page.

    `weights` is base64 of little-endian numbers, `table` has the offset and the shape of each by name. `UserError` for
    models other than logits refined by deltas under a full mask, without a history.
    """
    regime, refiner = model.regime, model.refiner
    if not isinstance(regime, Predictions) or not isinstance(refiner, Refiner):
        raise UserError(f"a page cannot run {type(regime).__name__} with {type(refiner).__name__}: use Predictions")
    config, face = refiner.config, refiner.interface
    found = {"space": regime.space, "history": regime.history, "mask": config.mask, "update": config.update}
    needed = {"space": "logits", "history": 0, "mask": "full", "update": "delta"}
    wrong = [f"{name}={found[name]!r}" for name in found if found[name] != needed[name]]
    if wrong:
        raise UserError(f"a page cannot run {', '.join(wrong)}: it is for {needed}")
    unread = ("encode_gradient.", "kinds")
    weights = {name: one for name, one in refiner.state_dict().items() if not name.startswith(unread)}
    weights |= {"kinds.0": refiner.kinds[0], "kinds.3": refiner.kinds[3], "initial": regime.initial.expand(face.slot)}
    packed, table = _packed(weights)
    sizes = {"dx": face.dx, "dy": face.dy, "width": config.width, "depth": config.depth, "heads": config.heads}
    more = {"feedforward": config.feedforward, "bilinear": config.bilinear, "epsilon": refiner.norm.eps}
    return {**sizes, **more, "table": table, "weights": packed, "facts": facts}


def page(models: Mapping[str, dict[str, Any]]) -> str:
    """One HTML fragment that needs no network: a "curve", a "map" or both, from `exported` models of these names.

    "single" is a one-step model beside the curve, applied again and again. Facts of "curve" and "map" are `FACTS`:
    `prior` is {"L": ..., "s": [...], "noise": variance}, and a map draws the score of each class from its square.
    """
    for name, model in models.items():
        if (model["dx"], model["dy"]) != PANELS.get(name):
            raise UserError(f"{name!r} with dx={model['dx']}, dy={model['dy']}: a page has panels {PANELS}")
        missing = [fact for fact in FACTS if fact not in model["facts"]]
        if name != "single" and missing:
            raise UserError(f"facts of {name!r} lack {', '.join(missing)}: give them to exported()")
    if not {"curve", "map"} & models.keys():
        raise UserError("a page needs a model 'curve' or 'map'")
    data = json.dumps(models, sort_keys=True, allow_nan=False).replace("</", "<\\/")
    key = "p" + hashlib.sha256(data.encode()).hexdigest()[:12]
    style, forward, script = ((FILES / name).read_text("utf-8") for name in ("page.css", "forward.js", "page.js"))
    given = f"(window.iaiPlay = window.iaiPlay || {{}}).{key} = {data};"
    scripts = "\n".join(f"<script>\n{text}\n</script>" for text in (given, forward, script))
    root = f'<div class="iai-play" data-models="{key}" data-lm-suppress-shortcuts="true">'
    return f"{root}\n<style>\n{style}</style>\n<noscript>This page needs JavaScript.</noscript>\n{scripts}\n</div>\n"


def _packed(weights: Mapping[str, Tensor]) -> tuple[str, dict[str, tuple[int, list[int]]]]:
    """All weights as one string, and where each begins in it."""
    table, at = {}, 0
    for name, one in weights.items():
        table[name] = (at, list(one.shape))
        at += one.numel()
    flat = torch.cat([one.detach().cpu().flatten() for one in weights.values()]).half()
    if not flat.isfinite().all():
        raise UserError("weights are not finite in float16: train the model again, at a smaller learning rate")
    return base64.b64encode(flat.numpy().astype("<f2").tobytes()).decode(), table


if __name__ == "__main__":
    for name in KEPT:
        print(keep(name))
