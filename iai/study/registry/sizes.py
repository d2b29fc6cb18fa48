"""How large each family of experiments is at each profile, and the seeds of the tasks that judge."""

from typing import Literal, NamedTuple, get_args

Profile = Literal["smoke", "small", "paper"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
SECONDS: dict[str, float] = {"smoke": 10, "small": 180, "paper": 5400}
"""What a run of a profile may take on one core."""

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
    matrix_lr: float = 0.0  # the rate of Muon; 0 trains all by AdamW


# fmt: off
SIZES: dict[str, dict[Profile, Size]] = {
    #                tasks steps points queries width depth latent updates    lr evaluated passes dimension matrix_lr
    "linear-regression": {  # the d = 100 of `paper` is our reading of the paper's setting
        "smoke": Size(   40,   10,     4,      8,   32,    2,    10,    300, 3e-3,       64,     4,        4),
        "small": Size(  120,   10,    10,     20,   64,    3,    22,   2000, 3e-3,      256,    12,       10,     4e-3),
        "paper": Size(   60,   10,    50,    100,  128,    3,   202,   3000, 1e-3,      512,    12,      100,     4e-3),
    },
    "mnist": {
        "smoke": Size(   12,    4,    16,     64,   32,    2,    24,    300, 3e-3,       16,     4,       16),
        "small": Size(   20,   10,    32,     64,   96,    2,    80,   1400, 2e-3,      128,    12,       64,     4e-3),
        "paper": Size(   40,   10,    64,     64,  128,    3,    80,   6000, 2e-3,      512,    12,       64,     4e-3),
    },
    "features": {  # found by hand on validation classes
        "smoke": Size(   12,    4,     8,     32,   32,    2,    80,    300, 3e-3,       16,     4,       16),
        "small": Size(   20,   10,    20,     64,   96,    2,    80,   1400, 1e-3,      128,    12,       64,     4e-3),
        "paper": Size(   40,   10,    32,     64,  128,    3,    80,   6000, 1e-3,      512,    12,      128,     4e-3),
    },
    "causal-order": {  # found by hand on tasks of another seed
        "smoke": Size(   40,    5,    32,      4,   24,    1,    32,    250, 5e-3,       32,     4,        4),
        "small": Size(   60,   10,    50,      6,   32,    2,    32,   1200, 3e-3,      256,    12,        6,     4e-3),
        "paper": Size(  120,   10,   100,     10,   64,    4,    32,   4000, 1e-3,      512,    12,       10,     4e-3),
    },
    "generation": {
        "smoke": Size(   12,    4,    16,     64,   32,    1,    48,    150, 3e-3,       16,     4),
        "small": Size(   20,   10,    64,    128,   48,    3,    48,   1400, 3e-3,      128,    12,        0,     4e-3),
        "paper": Size(   60,   10,    64,    256,  128,    4,    48,   4000, 1e-3,      512,    12,        0,     4e-3),
    },
    "generation, implicit": {  # here a query is a token; in other regimes it costs little
        "smoke": Size(   12,    4,    16,     16,   32,    1,    48,    150, 3e-3,       16,     4),
        "small": Size(   20,   10,    64,     32,   48,    3,    48,   1200, 3e-3,      128,    12,        0,     4e-3),
        "paper": Size(   60,   10,    64,     64,  128,    4,    48,   4000, 1e-3,      512,    12,        0,     4e-3),
    },
    "smooth": {  # functions on a line and classes on a square, small enough to step in a browser
        "smoke": Size(   20,   5,     8,     16,   32,    2,    32,    150, 3e-3,       32,     4),
        "small": Size(  100,   10,     8,     32,   32,    3,    32,   2000, 3e-3,      256,    12,        0,     4e-3),
        "paper": Size(  200,   10,     8,     64,  128,    4,    32,  10000, 1e-3,      512,    12,        0,     4e-3),
    },
}
# fmt: on
"""The sizes of each family by profile."""
