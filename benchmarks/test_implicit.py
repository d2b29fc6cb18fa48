"""An implicit step beside a plain Transformer (the floor) and beside pfns, in two precisions: `make bench`."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from common import CONFIG, ROUNDS, adamw, experiment, measure, named, regression
from torch import Tensor, nn

from iai.experiment import build
from iai.losses import squared_error
from iai.training import Progress, train_step
from iai.training.objectives import greedy_loss
from iai.types import Batch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def plainly(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor) -> Tensor:
    """Attention by two products and a softmax, which a CPU does faster in bfloat16 than the fused kernel."""
    scores = (q * q.shape[-1] ** -0.5) @ k.mT
    return scores.masked_fill(~attn_mask, -torch.inf).softmax(-1) @ v


class Plain(nn.Module):
    """The floor of an in-context step: a pre-norm Transformer whose last layer returns queries alone, and no more."""

    def __init__(self, d: int, attend: Callable[..., Tensor], width: int = 128, depth: int = 4, heads: int = 4):
        super().__init__()
        self.heads, self.attend = heads, attend
        self.context, self.query = nn.Linear(d + 1, width), nn.Linear(d, width)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.LayerNorm(width),
                    nn.Linear(width, 3 * width),
                    nn.Linear(width, width),
                    nn.LayerNorm(width),
                    nn.Linear(width, 4 * width),
                    nn.Linear(4 * width, width),
                ]
            )
            for _ in range(depth)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, batch: Batch, x: Tensor) -> Tensor:
        tokens = torch.cat([self.context(torch.cat([batch.x, batch.y], -1)), self.query(x)], dim=1)
        n, t = batch.points, tokens.shape[1]
        mask = (torch.arange(t) < n)[None, :] | torch.eye(t, dtype=torch.bool)
        for i, (norm, qkv, out, norm2, up, down) in enumerate(self.layers, start=1):
            read = n if i == len(self.layers) else 0
            q, k, v = qkv(norm(tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            attended = self.attend(q[:, :, read:], k, v, attn_mask=mask[read:])
            tokens = tokens[:, read:] + out(attended.transpose(1, 2).flatten(2))
            tokens = tokens + down(F.gelu(up(norm2(tokens))))
        return self.head(self.norm(tokens))


Made = tuple[nn.Module, Callable[[], Tensor]]


def floor(dtype: torch.dtype) -> Made:
    """The plain Transformer, with the attention that is faster in this precision, and its loss."""
    (batch, queries), attend = regression(), plainly if dtype == torch.bfloat16 else F.scaled_dot_product_attention
    model = Plain(20, attend)
    return model, lambda: squared_error(model(batch, queries.x), queries.y).mean()


def ours(dtype: torch.dtype) -> Made:
    """An amortizer and its greedy loss."""
    (batch, queries), model = regression(), build(experiment("implicit"))
    return model, lambda: greedy_loss(model, squared_error, model.regime.init(queries.x), batch, queries)[0]


def pfns(dtype: torch.dtype, **layout: Any) -> Made:
    """The Transformer of pfns 0.4.2 at our size, with its own encoders; `layout` says what a token is."""
    transformer = pytest.importorskip("pfns.model.transformer")
    features = layout["features_per_group"]
    encoders = {
        "encoder": transformer.get_linear_x_encoder(128, features),
        "y_encoder": transformer.get_linear_y_encoder(128),
    }
    (batch, queries), sizes = regression(), {"ninp": 128, "nhead": 4, "nhid": 512, "nlayers": 4}
    model = transformer.TableTransformer(**sizes, **encoders, **layout)
    return model, lambda: squared_error(model(batch.x, batch.y, queries.x), queries.y).mean()


WHO: dict[str, Callable[[torch.dtype], Made]] = {
    "floor": floor,
    "ours": ours,
    "pfns": partial(pfns, features_per_group=20, attention_between_features=False),  # one token an observation
    "pfns, a token a feature": partial(pfns, features_per_group=1),
}
TOO_SLOW = {("pfns, a token a feature", "bfloat16")}


@pytest.mark.benchmark(group="implicit step")
@pytest.mark.parametrize(("who", "precision"), [pair for pair in product(WHO, PRECISIONS) if pair not in TOO_SLOW])
def test_implicit_step(benchmark: Any, who: str, precision: str) -> None:
    dtype = PRECISIONS[precision]
    model, loss = WHO[who](dtype)
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32, cache_enabled=False):
            found = loss()
        train_step(found, model, optimizer, CONFIG, progress)

    named(benchmark, "implicit step", f"{who}, {precision}")
    measure(benchmark, step, rounds=3 if "feature" in who else ROUNDS)
