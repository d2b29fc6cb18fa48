"""All experiments together: the same keys at every profile, trials of every choice, and how a variant is made."""

import pytest

from iai.study.analysis.claims import Comparison, Gain, claims
from iai.study.registry import EXPERIMENTS, PAPER, experiment, experiments, ladder, recipe, seeds_of, trials
from iai.study.registry.families import FURTHER, ROWS
from iai.study.registry.sizes import PROFILES
from iai.study.registry.trials import SELECTED
from iai.study.registry.variants import vary

KEY = "table2/linear-regression/data"


def test_every_profile_has_the_same_keys_in_the_same_order() -> None:
    for profile in PROFILES:
        assert list(experiments(profile)) == list(EXPERIMENTS)


def test_whatever_was_chosen_was_tried() -> None:
    kinds = {row: "choice" if row.startswith("baseline/") else "trial" for row in SELECTED}
    tried = {f"{kind}/{row}/{name}" for row, kind in kinds.items() for name in ("centre", SELECTED[row])}
    assert tried <= EXPERIMENTS.keys()


def test_every_row_has_its_one_step_model() -> None:
    rows = [row for row in ROWS | FURTHER if not row.startswith("generation/")]
    assert {f"{row}{step}" for row in rows for step in ("", "-1-step")} <= EXPERIMENTS.keys()


def test_a_variant_differs_where_it_says_and_nowhere_else() -> None:
    start = experiment(KEY, "small")
    changed = vary(start, latent=3, refiner={"width": 8}, objective={"task": {"dimension": 2}})
    assert (changed.latent, changed.refiner.width, changed.task.dimension) == (3, 8, 2)
    old = {"width": start.refiner.width}
    back = vary(changed, latent=start.latent, refiner=old, objective={"task": {"dimension": start.task.dimension}})
    assert back == start == experiment(KEY, "small") != changed


def test_a_variant_replaces_what_is_no_config_and_knows_no_other_fields() -> None:
    start = experiment(KEY, "small")
    assert vary(start, evaluation_sets={"one": start.task}).evaluation_sets == {"one": start.task}
    with pytest.raises(AttributeError, match="widht"):
        vary(start, refiner={"widht": 8})


def test_a_ladder_and_a_doubled_budget_change_the_updates_alone() -> None:
    times = {"ladder": ladder.BUDGETS, "doubled": {}}
    keys = [key for key in EXPERIMENTS if key.startswith(("ladder/", "doubled/"))]
    for name, rows in {"half": ladder.LADDER, "fourfold": ladder.FOURFOLD}.items():
        assert {f"ladder/{key}/{name}" for row in rows for key in (row, ladder.partner(row))} <= set(keys)
    assert {f"ladder/{row}/{name}" for row in ladder.LADDER for name in ("eighth", "quarter")} <= set(keys)
    assert {f"doubled/{key}" for row in ladder.LADDER for key in (row, ladder.partner(row))} <= set(keys)
    for key in keys:
        kind, _, rest = key.partition("/")
        start, _, name = rest.rpartition("/") if times[kind] else (rest, "", "")
        made, base = experiment(key, "small"), experiment(start, "small")
        assert made.train.updates == pytest.approx(times[kind].get(name, 2.0) * base.train.updates, abs=1)
        changed = {"updates": base.train.updates, "warmup": base.train.warmup}
        assert vary(made, train=changed) == base


def test_a_figure_of_the_paper_has_the_doubled_budget_that_its_gate_asks_for() -> None:
    tested = set().union(*(arms_of(one.tests[0]) for one in claims() if one.profile == "paper"))
    assert tested and {seeds_of(f"doubled/{key}", "paper") for key in tested} == {1}
    assert {seeds_of(key, "paper") for key in tested} == {3}


def arms_of(test: Comparison | Gain) -> set[str]:
    """The trained arms of a test."""
    if isinstance(test, Gain):
        return set()
    parts = (reference.split(":") for reference in (test.first, *test.rivals))
    return {key for key, _, metric, _ in parts if "/" not in metric}


@pytest.mark.parametrize("row", ladder.ONE_CONTEXT)
def test_a_partner_reads_the_data_of_its_row_in_one_context_for_as_many_tokens(row: str) -> None:
    mine, theirs = experiment(ladder.partner(row), "small"), experiment(row, "small")
    one, whole = mine.objective, theirs.objective
    assert (one.steps, one.points) == (1, whole.points * whole.steps) and mine.evaluation.one_context
    slots = whole.queries if theirs.regime == "implicit" else 1
    tokens = [made.train.updates * made.objective.tasks * (made.objective.points + slots) for made in (mine, theirs)]
    assert tokens[0] == pytest.approx(tokens[1], rel=1e-2)


def test_what_decides_has_six_seeds_and_what_is_compared_a_doubled_budget() -> None:
    arms = {arm for claim in claims() if claim.profile != "paper" for arm in arms_of(claim.tests[0])}
    arms |= set(ladder.MEMORY_PAIRS)  # of the chapter on memory
    assert arms == set(ladder.PRIMARY)
    for key in EXPERIMENTS:
        if key.startswith(ladder.COMPARED) and seeds_of(key, "small"):
            assert seeds_of(key, "small") == (6 if key in arms else 3) and seeds_of(f"doubled/{key}", "small") == 1
    assert set(PAPER) <= EXPERIMENTS.keys() and {seeds_of(key, "paper") for key in PAPER} == {3}


def test_small_leaves_out_what_no_claim_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = {arm for claim in claims() if claim.profile == "small" for test in claim.tests for arm in arms_of(test)}
    assert arms and all(seeds_of(key, "small") for key in arms)
    chosen = {"lr-triple": 1, "lr-ninefold": 1, "lr-third": 0}
    for name, asked in chosen.items():
        monkeypatch.setitem(trials.SELECTED, "baseline/mnist/lstm", name)
        assert seeds_of("choice/baseline/mnist/lstm/lr-ninefold", "small") == asked


def test_everything_trained_has_trials_of_its_own_rates(monkeypatch) -> None:
    for key in ("table4/mnist/data", "size/linear-regression/width-32", "theta/mnist/data-one"):
        rates = {
            name.rpartition("/")[2]: experiment(name, "small").train.matrix_lr
            for name in EXPERIMENTS
            if name.startswith(f"trial/{key}/")
        }
        assert rates["rate-double"] == 2 * rates["centre"] == 4 * rates["rate-half"]
        made = experiment(key, "small")
        monkeypatch.setitem(trials.SELECTED, key, "rate-half")
        assert trials.tuned(key, made, "small").train.matrix_lr == made.train.matrix_lr / 2
    kinds = {key: "choice" if key.startswith("baseline/") else "trial" for key in trials.SELECTED}
    assert {f"{kinds[key]}/{key}/{name}" for key, name in trials.SELECTED.items()} <= EXPERIMENTS.keys()


@pytest.mark.parametrize("family", recipe.BASES)
def test_a_lever_is_one_change_for_as_many_refinements(family: str) -> None:
    base = experiment(recipe.BASES[family], "small")
    assert experiment(f"recipe/{family}/first", "small").train.optimizer == "adamw" != base.train.optimizer
    assert experiment(f"recipe/{family}/apart", "small") == vary(base, **recipe.APART) != base
    for name, change in recipe.LEVERS.items() if family == "linear-regression" else ():
        assert experiment(f"recipe/{family}/{name}", "small") == vary(base, **change) != base


def test_half_the_tasks_are_trained_for_as_many_refinements() -> None:
    made, base = (experiment(key, "small") for key in ("recipe/linear-regression/tasks-half", "dimension/32/data"))
    assert made.objective.tasks == base.objective.tasks / 2
    refinements = [one.train.updates * one.objective.tasks for one in (made, base)]
    assert refinements[0] == pytest.approx(refinements[1], rel=0.01)


def test_rows_in_both_precisions_differ_from_theirs_in_that_alone() -> None:
    for row in recipe.PRECISE:
        base = experiment(row, "small")
        for precision in ("float32", "bfloat16"):
            made = experiment(f"precision/{row}/{precision}", "small")
            assert made.train.precision == precision and vary(made, train={"precision": "auto"}) == base
