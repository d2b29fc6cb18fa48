"""All experiments together: the same keys at every profile, trials of every choice, and how a variant is made."""

import pytest

from iai.study.registry import EXPERIMENTS, experiment, experiments
from iai.study.registry.choices import CHOSEN
from iai.study.registry.families import FURTHER, ROWS
from iai.study.registry.sizes import PROFILES
from iai.study.registry.variants import vary

KEY = "table2/linear-regression/data"


def test_every_profile_has_the_same_keys_in_the_same_order() -> None:
    for profile in PROFILES:
        assert list(experiments(profile)) == list(EXPERIMENTS)


def test_whatever_was_chosen_was_tried() -> None:
    assert {f"choice/{row}/{name}" for row, name in CHOSEN.items()} <= EXPERIMENTS.keys()
    assert {f"choice/{row}/centre" for row in CHOSEN} <= EXPERIMENTS.keys()


def test_every_row_has_its_one_step_model() -> None:
    assert {f"{row}{step}" for row in ROWS | FURTHER for step in ("", "-1-step")} <= EXPERIMENTS.keys()


def test_a_variant_differs_where_it_says_and_nowhere_else() -> None:
    start = experiment(KEY, "cpu")
    changed = vary(start, latent=3, refiner={"width": 8}, objective={"task": {"dimension": 2}})
    assert (changed.latent, changed.refiner.width, changed.task.dimension) == (3, 8, 2)
    old = {"width": start.refiner.width}
    back = vary(changed, latent=start.latent, refiner=old, objective={"task": {"dimension": start.task.dimension}})
    assert back == start == experiment(KEY, "cpu") != changed


def test_a_variant_replaces_what_is_no_config_and_knows_no_other_fields() -> None:
    start = experiment(KEY, "cpu")
    assert vary(start, evaluation_sets={"one": start.task}).evaluation_sets == {"one": start.task}
    with pytest.raises(AttributeError, match="widht"):
        vary(start, refiner={"widht": 8})
