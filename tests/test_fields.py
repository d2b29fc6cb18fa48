"""Every field of every config refuses what it cannot be, where it is set, and names what is near."""

from dataclasses import fields, replace
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import pytest
from small import small

from iai.baselines.classical import Descent, SortBy
from iai.baselines.learned import AttentiveCNPConfig
from iai.evaluation import EvaluationConfig
from iai.experiment import TYPES, from_json, to_json
from iai.fields import Size, checked, unknown
from iai.losses import LOSSES, METRICS
from iai.model import RefinerConfig, Signal
from iai.tasks import CausalOrder, Images, LinearRegression
from iai.training import Greedy, TrainConfig
from iai.types import UserError

PLAIN = small()
OBJECTIVE = PLAIN.objective


@pytest.mark.parametrize(
    ("config", "name", "value", "near"),
    [
        (PLAIN, "regime", "implict", "implicit"),
        (PLAIN, "space", "latnet", "latent"),
        (PLAIN, "theta", "clas", "class"),
        (Signal(), "kind", "dat", "data"),
        (Signal(), "kind", "gradient", "grad"),
        (Signal(), "tokens", "means", "mean"),
        (RefinerConfig(), "mask", "casual", "causal"),
        (RefinerConfig(), "update", "Absolute", "absolute"),
        (TrainConfig(), "precision", "bf16", "float16"),
        (LinearRegression(), "inputs", "gaussian", "normal"),
        (Images(source="sample"), "dataset", "mnits", "mnist"),
        (Images(source="sample"), "split", "testing", "test"),
        (Images(source="sample"), "law", "permute", "permutation"),
        (CausalOrder(), "noise", "gausian", "gaussian"),
        (CausalOrder(), "graphs", ("erdos-reny",), "erdos-renyi"),
        (SortBy(number="none"), "number", "varience", "variance"),
    ],
)
def test_a_misspelt_name_is_refused_with_what_is_near(config: Any, name: str, value: Any, near: str) -> None:
    with pytest.raises(UserError, match=near) as refused:
        replace(config, **{name: value})
    assert "\n" not in str(refused.value)


def test_names_that_are_arguments_are_refused_too() -> None:
    for work in (
        lambda: LOSSES["mse"],
        lambda: METRICS["squared_eror"],
        lambda: Descent(decode=min, loss="mse", theta_shape=(1, 1)),
    ):
        with pytest.raises(UserError, match="squared_error"):
            work()


@pytest.mark.parametrize("kind", sorted(TYPES.values(), key=lambda kind: kind.__name__))
def test_no_size_of_any_config_may_be_zero_negative_a_fraction_or_text(kind: type) -> None:
    """Constructed from its required fields, whatever they are; each number is then spoiled."""
    required: dict[str, Any] = {"task": LinearRegression(), "tasks": 4, "steps": 2, "points": 5, "queries": 4}
    required |= {"regime": "implicit", "objective": OBJECTIVE, "evaluation_sets": {}, "evaluation": EvaluationConfig()}
    required |= {"learner": AttentiveCNPConfig(), "distinct": 1, "dx": 2, "dy": 1, "loss": "squared_error"}
    if kind.__name__ == "BaselineExperiment":
        required["objective"] = TYPES["Whole"](
            **{n: required[n] for n in ("task", "tasks", "steps", "points", "queries")}
        )
    given = {f.name: required[f.name] for f in fields(kind) if f.name in required}
    if kind.__name__ == "EvaluationConfig":
        given = {}
    plain = kind(**given)
    for one in fields(kind):
        if get_origin(one.type) is Annotated and get_args(one.type)[0] is int:
            for wrong in (-1, 1.5, "3", True, None):
                with pytest.raises(UserError, match=rf"{one.name}\b"):
                    replace(plain, **{one.name: wrong})
        if one.type is Size:
            with pytest.raises(UserError, match="choose 1 or more"):
                replace(plain, **{one.name: 0})
        if get_origin(one.type) is Literal or one.type is bool:
            with pytest.raises(UserError, match=one.name):
                replace(plain, **{one.name: 3})


def test_every_config_that_json_may_name_has_checked_fields() -> None:
    unchecked = [f"{kind.__name__}.{f.name}" for kind in TYPES.values() for f in fields(kind) if f.type in (int, "int")]
    assert not unchecked and all("__post_init__" in vars(kind) for kind in TYPES.values())


def test_configs_of_wrong_types_are_refused() -> None:
    for wrong in ({"signal": "data"}, {"refiner": {"width": 3}}, {"evaluation": None}, {"evaluation_sets": [1]}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            replace(PLAIN, **wrong)
    with pytest.raises(UserError, match=r"Greedy\.task"):
        replace(OBJECTIVE, task="LinearRegression")
    with pytest.raises(UserError, match=r"Greedy\.task"):
        replace(OBJECTIVE, task=LinearRegression)
    with pytest.raises(UserError, match="finite number"):
        TrainConfig(lr=float("nan"))
    with pytest.raises(UserError, match="2 entries"):
        TrainConfig(betas=(0.9,))


def test_what_is_meant_is_taken() -> None:
    """Integers of NumPy and lists, as loops and JSON give them; and a config is its JSON's."""
    config = EvaluationConfig(tasks=np.int64(3), contexts=[1, 2])
    assert type(config.tasks) is int and config.contexts == (1, 2) and hash(config)
    assert from_json(to_json(config)) == config
    assert TrainConfig(lr=1).lr == 1 and type(TrainConfig(lr=np.float32(0.5)).lr) is float
    with pytest.raises(UserError, match="unknown RefinerConfig"):
        RefinerConfig(mask=np.array(["full", "causal"]))


class Odd(LinearRegression):
    loss = "mse"


def test_a_task_with_an_unknown_loss_is_refused_where_it_is_set() -> None:
    with pytest.raises(UserError, match="squared_error"):
        Greedy(task=Odd(), tasks=4, steps=2, points=5, queries=4)


def test_sizes_that_do_not_fit_each_other_are_refused() -> None:
    for work in (
        lambda: RefinerConfig(width=10, heads=4),
        lambda: EvaluationConfig(points=10, contexts=(99,)),
        lambda: replace(OBJECTIVE, tasks=5),
        lambda: Images(source="sample", ways=11),
    ):
        with pytest.raises(UserError):
            work()


def test_the_error_for_an_unknown_name_lists_all_where_none_is_near() -> None:
    assert str(unknown("loss", "mse", ["a", "b"])) == "unknown loss 'mse': there is a, b"
    assert checked("n", 3, int | None) == 3 and checked("n", None, int | None) is None
