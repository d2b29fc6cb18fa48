"""A config is plain data and back; what it describes is built from the seed alone; what makes no sense is refused."""

import json
from dataclasses import replace

import pytest
import torch
from small import small

from iai.experiment import TYPES, build, check_apart, from_json, overlap, to_json
from iai.model import RefinerConfig, Signal
from iai.study.registry import EXPERIMENTS, PROFILES, experiment
from iai.tasks import Features, Gravity, Images, Letters, LinearRegression, Mixture, Relabelled, Reused
from iai.types import Task, UserError

IMAGES = Images(source="sample", projection=5, ways=3)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_experiment_survives_json(profile: str) -> None:
    for key in EXPERIMENTS:
        chosen = experiment(key, profile)
        again = from_json(json.loads(json.dumps(to_json(chosen))))
        assert again == chosen and to_json(again) == to_json(chosen)


def test_a_variant_is_another_config() -> None:
    plain = small()
    assert to_json(replace(plain, signal=Signal(kind="data"))) != to_json(plain)


def test_a_later_field_is_written_only_if_it_was_set() -> None:
    plain = small()
    assert "capture" not in to_json(plain)["train"]
    eager = replace(plain, train=replace(plain.train, capture=False))
    assert to_json(eager)["train"]["capture"] is False and from_json(to_json(eager)) == eager
    assert to_json(eager) != to_json(plain)


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
@pytest.mark.parametrize(
    "task", [IMAGES, LinearRegression(dimension=3), Gravity()], ids=["images", "regression", "gravity"]
)
def test_the_refiner_is_told_the_scales_of_its_task(regime: str, task: Task) -> None:
    interface = build(small(regime, task)).refiner.interface
    assert (interface.x_scale, interface.y_scale) == (
        getattr(task, "x_scale", 1.0),
        task.y_scale,
    )
    assert interface.y_scale != 1


def test_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    first, same, other = (build(small(), seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["refiner.encode_x.weight"], other["refiner.encode_x.weight"])


@pytest.mark.parametrize(
    ("regime", "theta", "slot", "slots"),
    [
        ("parametric", "class", 6, 3),
        ("parametric", "one", 18, 1),
        ("explicit", "class", 3, 3),
        ("explicit", "one", 9, 1),
        ("implicit", "class", 3, 4),
    ],
)
def test_slots_are_what_the_regime_says(regime: str, theta: str, slot: int, slots: int) -> None:
    amortizer = build(small(regime, IMAGES, theta=theta))
    assert amortizer.refiner.interface.slot == slot
    assert amortizer.regime.init(torch.zeros(2, 4, 5)).value.shape == (2, slots, slot)
    about = "x" if regime == "implicit" else "y" if slots > 1 else "none"  # what tells slots apart
    assert amortizer.refiner.interface.anchor == about


def test_the_same_theta_decodes_alike_as_one_token_and_as_one_a_class() -> None:
    one, many = (build(small(task=IMAGES, theta=theta)) for theta in ("one", "class"))
    theta, x = torch.randn(2, 18), torch.randn(2, 4, 5)
    states = (replace(a.regime.init(x), value=theta.view(2, *shape)) for a, shape in ((one, (1, 18)), (many, (3, 6))))
    torch.testing.assert_close(*(a.f(x, state) for a, state in zip((one, many), states)))


def test_a_component_of_a_mixture_is_a_slot_that_is_about_the_place_where_its_mean_starts() -> None:
    task, x = Mixture(dimension=3), torch.randn(2, 4, 4)
    one, many = (build(small(task=task, theta=theta)) for theta in ("one", "component"))
    start = many.regime.init(x)
    assert start.value.shape == (2, 4, 5) and one.regime.init(x).value.shape == (2, 1, 20)
    assert torch.equal(start.anchor[0, :, :-1], task.parameters(start.value[0])[0])
    assert (start.anchor[..., -1] == 1).all()
    torch.testing.assert_close(one([], x), many([], x))


class Blackbox:
    """A task without a known likelihood, and not even a dataclass."""

    dx, dy, loss = 1, 1, "squared_error"

    def sample(self, generator: torch.Generator, tasks: int, points: int):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: small(task=Blackbox()), "lacks decode .* the explicit or the implicit"),
        (lambda: small(theta="component"), "slot_inputs"),
        (lambda: small("implicit", space="softmax"), "choose 'logits'"),
        (lambda: small("implicit", memory=1), "choose memory=0"),
        (lambda: small("implicit", signal=Signal(kind="grad")), "kind='data'"),
        (lambda: small("implicit", signal=Signal(kind="grad+residual")), "kind='data'"),
        (lambda: small(refiner={"mask": "causal"}), "tokens='running'"),
        (lambda: small(refiner={"width": 9}), "multiple of heads"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_fix(make, fix: str) -> None:
    with pytest.raises(ValueError, match=fix):
        build(make())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "Refiner"}', "no type 'Refiner'; there are .*RefinerConfig"),
        ('{"type": "RefinerConfig", "widht": 3}', "malformed config of RefinerConfig: .*widht"),
        ('{"type": "Experiment"}', "malformed config of Experiment: .*regime"),
    ],
)
def test_a_malformed_config_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        from_json(json.loads(text))
    assert "\n" not in str(error.value)


def test_a_task_of_ones_own_is_registered_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"type": "Mine", "dimension": 3}
    with pytest.raises(UserError, match=r"yours. experiment.TYPES\['Mine'\] = Mine"):
        from_json(plain)
    monkeypatch.setitem(TYPES, "Mine", LinearRegression)
    assert from_json(plain) == LinearRegression(dimension=3)


def test_configs_hold_nothing_that_is_not_plain() -> None:
    assert json.loads(json.dumps(to_json(RefinerConfig())))["type"] == "RefinerConfig"


def test_the_likelihood_of_a_task_of_ones_own_is_tried_before_it_trains() -> None:
    """Predictions of another shape would be broadcast by the loss, and train in silence."""

    class Wrong(LinearRegression):
        def decode(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
            return super().decode(x, theta).expand(-1, 3)

    class Mine:
        dx, dy, loss, theta_shape = 2, 1, "squared_error", (1, 3)
        sample = LinearRegression(dimension=2).sample
        decode = Wrong(dimension=2).decode

    with pytest.raises(UserError, match=r"decode must map x .* it makes \(2, 3\)"):
        build(small(task=Mine()))
    Mine.decode = LinearRegression(dimension=2).decode
    build(small(task=Mine()))


DIGITS, FEATURES = Images(), Features()
SHARED = [
    (DIGITS, DIGITS, "examples"),
    (DIGITS, Images(split="validation"), ""),
    (DIGITS, Images(split="test"), ""),
    (DIGITS, Images(dataset="fashion-mnist"), ""),
    (DIGITS, Images(law="projection", ways=3), "examples"),
    (DIGITS, Images(split="validation", source="sample"), "examples"),
    (DIGITS, Images(split="test", source="sample"), ""),
    (DIGITS, Reused(task=DIGITS, distinct=2), "examples"),
    (Relabelled(task=DIGITS), DIGITS, "examples"),
    (Images(distinct_laws=3), Images(distinct_laws=5, split="test"), "laws"),
    (Images(distinct_laws=3), Images(split="test"), ""),
    (FEATURES, Features(classes="held-out"), ""),
    (FEATURES, Features(classes="all"), "examples"),
    (FEATURES, Features(classes="all", split="test"), ""),
    (Letters(), Letters(), "examples"),
    (Letters(), Letters(split="validation"), ""),
    (LinearRegression(), LinearRegression(), ""),
]


@pytest.mark.parametrize(("trained", "judged", "shared"), SHARED)
def test_a_training_has_no_task_of_an_evaluation_set(trained: Task, judged: Task, shared: str) -> None:
    assert overlap(trained, judged) == overlap(judged, trained) == shared
    chosen = small("implicit", trained, evaluation_sets={"it": judged})
    if shared:
        with pytest.raises(UserError, match=f"'it' has {shared} that train: .* 'seen-it'"):
            check_apart(chosen)
    check_apart(small("implicit", trained, evaluation_sets={"seen-it": judged}))


@pytest.mark.parametrize("profile", PROFILES)
def test_all_experiments_are_judged_apart(profile: str) -> None:
    for key in EXPERIMENTS:
        check_apart(experiment(key, profile))
