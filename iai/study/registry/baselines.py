"""Learned baselines of the literature on the tasks and mini-batches of rows: what is trained, and their trials."""

from iai.baselines import learned
from iai.baselines.learned import LearnedBaselineConfig
from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.ablations import BASES
from iai.study.registry.sizes import Profile
from iai.study.registry.trials import baseline_settings, chosen, taken
from iai.study.registry.variants import halved, in_one_context, objective_like, on_validation, vary
from iai.training import EndToEnd, TrainConfig

COMPETE = BASES | {"features": "features/implicit/data"}
"""The row of a family whose tasks, mini-batches and judges its learned baselines share."""
CONTEXTS = {"one-context": 1.0, "one-context-longer": 2.0}
"""The row's own 1-step model with all observations in one context, and its tokens in training over the row's."""

# fmt: off
TRAINING = {
    # learning rate; tasks an update and updates of each family that it is trained on
    "maml":          (1e-2, {"linear-regression": (60, 3000), "mnist": (16,  600), "features": (20, 900)}),
    "attentive-cnp": (3e-3, {"linear-regression": (20, 3000), "mnist": ( 8, 1500)}),
    "lstm":          (1e-2, {"linear-regression": (30, 3000), "mnist": ( 8,  500)}),
}
# fmt: on
"""How a baseline trains before anything was tried. The loss of MAML's trials does not depend on the outer rate."""
INNER_RATE = {"linear-regression": 0.1, "mnist": 0.5, "features": 0.5}
"""Of MAML's gradient descent at first."""
ROWS = tuple(
    f"baseline/{family}/{name}"
    for family in COMPETE
    for name in (*(known for known, (_, budgets) in TRAINING.items() if family in budgets), *CONTEXTS)
)
"""The keys of all learned baselines."""
TRIED = tuple(row for row in ROWS if not row.endswith("-longer"))
"""Those that settings are chosen for; a longer training has those of the shorter one."""


def learners(family: str, profile: Profile) -> dict[str, LearnedBaselineConfig]:
    """The models of baselines."""
    width, rate = {"smoke": 32, "small": 128, "paper": 256}[profile], INNER_RATE[family]
    return {
        "maml": learned.MAMLConfig(rate=rate),
        "attentive-cnp": learned.AttentiveCNPConfig(width=width),
        "lstm": learned.LSTMConfig(),
    }


def defaults(row: str, profile: Profile) -> Experiment | BaselineExperiment:
    """A baseline before anything was tried."""
    _, family, name = row.split("/")
    against = chosen(COMPETE[family], profile)
    if name in CONTEXTS:
        return vary(in_one_context(against, CONTEXTS[name]), evaluation={"one_context": True})
    lr, budgets = TRAINING[name]
    tasks, updates = budgets[family]
    tasks = -(-tasks // against.objective.steps) * against.objective.steps
    if profile != "small":
        tasks, updates = against.objective.tasks, 150 if profile == "smoke" else 10_000
    return BaselineExperiment(
        learner=learners(family, profile)[name],
        objective=objective_like(against.objective, EndToEnd, tasks=tasks, growth=0.0, all_steps=name == "lstm"),
        evaluation_sets=against.evaluation_sets,
        evaluation=against.evaluation,
        train=TrainConfig(updates=updates, lr=lr, precision="float32"),
    )


def experiments(profile: Profile) -> dict[str, Experiment | BaselineExperiment]:
    """All baselines with their own settings, then their trials: half the updates, judged after the row's last step."""
    found: dict[str, Experiment | BaselineExperiment] = {}
    tried: dict[str, Experiment | BaselineExperiment] = {}
    for row in ROWS:
        steps = chosen(COMPETE[row.split("/")[1]], profile).objective.steps
        candidates = baseline_settings(row, defaults(row, profile))
        found[row] = candidates[taken(row, profile)]
        if row in TRIED:
            tried |= {f"choice/{row}/{name}": on_validation(halved(made), steps) for name, made in candidates.items()}
    return found | tried
