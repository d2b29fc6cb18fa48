"""Families of tasks: samplers of p(T) and of its data D_T, with the known likelihood, if there is one.

A new family is a file here. It is also listed in `TASKS`, which loads it from JSON, and in
`baselines.classical.for_task`, which says what it is compared with.
"""

from iai.tasks.causal_order import CausalOrder, standardised
from iai.tasks.episodes import TRAINING_SEEDS, InTurn, Reused, Wrapper, episode, finite, seed_of
from iai.tasks.features import Features
from iai.tasks.gravity import Gravity
from iai.tasks.images import Images
from iai.tasks.letters import Letters
from iai.tasks.linear_regression import LinearRegression
from iai.tasks.mixtures import Mixture, velocity
from iai.tasks.populations import Population, data_points, interpolated
from iai.tasks.smooth import Smooth, SmoothClasses
from iai.tasks.stored import Relabelled, Stored

TASKS = (
    *(CausalOrder, Features, Gravity, Images, InTurn, Letters, LinearRegression, Mixture, Relabelled, Reused),
    *(Smooth, SmoothClasses, Stored),
)
"""The tasks that JSON names; any other is `Stored`."""
