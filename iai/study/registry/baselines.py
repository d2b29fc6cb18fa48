"""Learned baselines of the literature on the tasks and mini-batches of rows: what is trained, and their trials."""

from iai.baselines import learned
from iai.baselines.learned import LearnedBaselineConfig
from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.ablations import BASES
from iai.study.registry.choices import baseline_candidates, chosen, selected
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import halved, in_one_context, objective_like, on_validation, vary
from iai.training import EndToEnd, TrainConfig

COMPETE = BASES | {"features": "features/implicit/data"}
"""The row of a family whose tasks, mini-batches and judges its learned baselines share."""
CONTEXTS = {"one-context": 1.0, "one-context-longer": 2.0}
"""The row's own 1-step model with all observations in one context, and its tokens in training over the row's."""

# fmt: off
TRAINING = {
    # learning rate; tasks an update and updates on linear regression, on MNIST, on features
    "maml":          (1e-2, (60, 3000), (16,  600), (20,  900)),
    "reptile":       (1e-2, (60, 3000), (16,  900), (20, 1500)),
    "cnp":           (3e-3, (30, 4000), (16, 1500), (20, 1800)),
    "attentive-cnp": (3e-3, (20, 3000), ( 8, 1500), (10, 1600)),
    "hypernetwork":  (3e-3, (30, 5000), (16, 1800), (20, 1800)),
    "lstm":          (1e-2, (30, 3000), ( 8,  500), (10,  300)),
}
# fmt: on
"""How a baseline trains at `cpu` before anything was tried: about 40 s on a core that does nothing else.

MAML and Reptile take a third of that: the loss of their trials does not depend on the outer rate any more.
"""
INNER_RATE = {"linear-regression": 0.1, "mnist": 0.5, "features": 0.5}
"""Of gradient descent at first (MAML), or for good (Reptile)."""
ROWS = tuple(f"baseline/{family}/{name}" for family in COMPETE for name in (*TRAINING, *CONTEXTS))
"""The keys of all learned baselines."""
TRIED = tuple(row for row in ROWS if not row.endswith("-longer"))
"""Those that settings are chosen for; a longer training has those of the shorter one."""


def learners(family: str, profile: Profile) -> dict[str, LearnedBaselineConfig]:
    """The models of baselines."""
    width, rate = {"smoke": 32, "cpu": 128, "small": 128, "paper": 256}[profile], INNER_RATE[family]
    return {
        "maml": learned.MAMLConfig(rate=rate),
        "reptile": learned.ReptileConfig(rate=rate),
        "cnp": learned.CNPConfig(width=width),
        "attentive-cnp": learned.AttentiveCNPConfig(width=width),
        "hypernetwork": learned.HypernetworkConfig(width=width),
        "lstm": learned.LSTMConfig(),
    }


def defaults(row: str, profile: Profile) -> Experiment | BaselineExperiment:
    """A baseline before anything was tried."""
    _, family, name = row.split("/")
    against = chosen(COMPETE[family], profile)
    if name in CONTEXTS:
        return vary(in_one_context(against, CONTEXTS[name]), evaluation={"one_context": True})
    lr, *budgets = TRAINING[name]
    tasks, updates = dict(zip(COMPETE, budgets))[family]
    tasks = -(-tasks // against.objective.steps) * against.objective.steps
    if profile not in ("cpu", "small"):
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
        candidates = baseline_candidates(row, defaults(row, profile))
        found[row] = candidates[selected(row, profile)]
        if row in TRIED:
            tried |= {f"choice/{row}/{name}": on_validation(halved(made), steps) for name, made in candidates.items()}
    return found | tried
