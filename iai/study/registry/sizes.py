"""How large each family of experiments is at each profile, and the seeds of the tasks that judge."""

from typing import Literal, NamedTuple, get_args

Profile = Literal["smoke", "cpu", "gpu"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
SECONDS: dict[str, float] = {"smoke": 10, "cpu": 180, "gpu": 180}
"""What a run of a profile may take: one core, one core, one H100-class GPU."""
SEEDS = {"smoke": 1, "cpu": 3, "gpu": 5}
"""Seeds that a profile asks for."""

JUDGING, CHOOSING, JUDGING_ORDERS = 3_500_000_000, 2**33, 3_600_000_000
"""Seeds of the tasks that tables show, of those by which settings are chosen, and of those that judge causal orders.

PyTorch's generator on the CPU takes a seed modulo 2^32, so the first two are 3,500,000,000 and 0: what must differ is
that. Orders have a seed of their own because the tasks of `JUDGING` were seen when that model was made.
"""


class Size(NamedTuple):
    """What a profile sets for a family."""

    tasks: int  # refined by an update, in `steps` groups of equal size
    steps: int  # of the longest roll-out in training
    points: int  # of a mini-batch
    queries: int
    width: int
    depth: int
    latent: int
    updates: int
    lr: float
    evaluated: int  # tasks of an evaluation set
    passes: int  # of a pool between two fillings: on a GPU a filling is not captured, and so takes long
    dimension: int = 0  # of linear regression, or of the random projection of inputs; or the nodes of a graph


# fmt: off
SIZES: dict[str, dict[Profile, Size]] = {
    #                 tasks  steps  points  queries  width  depth  latent  updates    lr  evaluated  passes  dimension
    "linear-regression": {  # the d = 100 of `gpu` is our reading of the paper's setting
        "smoke": Size(   40,    10,      4,       8,    32,     2,     10,     300, 3e-3,        64,      4,         4),
        "cpu":   Size(  120,    10,     10,      20,    64,     3,     22,    2400, 3e-3,       256,      4,        10),
        "gpu":   Size(  240,    10,     50,     100,   256,     4,    202,  12_000, 1e-3,      1024,     40,       100),
    },
    "mnist": {
        "smoke": Size(   12,     4,     16,      64,    32,     2,     24,     300, 3e-3,        16,      4,        16),
        "cpu":   Size(   16,     8,     32,      64,    96,     2,     80,    1400, 2e-3,       128,      4,        64),
        "gpu":   Size(   60,    10,     64,      64,   256,     4,     80,  10_000, 1e-3,       512,     40,        64),
    },
    "features": {  # found by hand on validation classes; the implicit row takes twice the rate at `cpu` and `gpu`
        "smoke": Size(   12,     4,      8,      32,    32,     2,     80,     300, 3e-3,        16,      4,        16),
        "cpu":   Size(   20,    10,     20,      64,    96,     2,     80,    2000, 1e-3,       128,      4,        64),
        "gpu":   Size(   60,    10,     32,      64,   256,     4,     80,  10_000, 1e-3,       512,     40,       128),
    },
    "causal-order": {  # found by hand on tasks of another seed
        "smoke": Size(   40,     5,     32,       4,    24,     1,     32,     250, 5e-3,        32,      4,         4),
        "cpu":   Size(   60,     5,     50,       6,    32,     2,     32,    2500, 3e-3,       256,      4,         6),
        "gpu":   Size(  240,    10,    100,      10,   128,     4,     32,    8000, 1e-3,      1024,     40,        10),
    },
    "generation": {
        "smoke": Size(   12,     4,     16,      64,    32,     1,     48,     150, 3e-3,        16,      4),
        "cpu":   Size(   20,    10,     32,     128,    48,     3,     48,    2000, 3e-3,       128,      4),
        "gpu":   Size(  120,    10,     64,     256,   256,     4,     48,  10_000, 1e-3,       512,     40),
    },
    "generation, implicit": {  # here a query is a token; in other regimes it costs little
        "smoke": Size(   12,     4,     16,      16,    32,     1,     48,     150, 3e-3,        16,      4),
        "cpu":   Size(   20,    10,     32,      32,    48,     3,     48,    1500, 3e-3,       128,      4),
        "gpu":   Size(  120,    10,     64,      64,   256,     4,     48,  10_000, 1e-3,       512,     40),
    },
}
# fmt: on
"""The sizes of each family by profile. Trials changed some rows at `cpu`: see `choices.CHOSEN`."""
