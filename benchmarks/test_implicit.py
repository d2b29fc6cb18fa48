"""A step of the implicit regime beside a plain Transformer (the floor) and beside pfns: `make bench`."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from common import CONFIG, adamw, experiment, measure, regression
from torch import Tensor, nn

from iai.experiment import build
from iai.losses import squared_error
from iai.training import Progress, train_step
from iai.training.objectives import greedy_loss
from iai.types import Batch


class Plain(nn.Module):
    """The floor of an in-context step: pre-norm Transformer on fused attention, and nothing else."""

    def __init__(self, d: int, width: int = 128, depth: int = 4, heads: int = 4):
        super().__init__()
        self.heads = heads
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
        for norm, qkv, out, norm2, up, down in self.layers:
            q, k, v = qkv(norm(tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            tokens = tokens + out(attended.transpose(1, 2).flatten(2))
            tokens = tokens + down(F.gelu(up(norm2(tokens))))
        return self.head(self.norm(tokens[:, n:]))


@pytest.mark.benchmark(group="implicit step")
def test_floor_plain_transformer(benchmark: Any) -> None:
    (batch, queries), model = regression(), Plain(20)
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        loss = squared_error(model(batch, queries.x), queries.y).mean()
        train_step(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, step)


@pytest.mark.benchmark(group="implicit step")
def test_ours_implicit(benchmark: Any) -> None:
    (batch, queries), model = regression(), build(experiment("implicit"))
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        loss, _ = greedy_loss(model, squared_error, model.regime.init(queries.x), batch, queries)
        train_step(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, step)


def pfns(**layout: Any) -> nn.Module:
    """The Transformer of pfns 0.4.2 at our size, with its own encoders; `layout` says what a token is."""
    transformer = pytest.importorskip("pfns.model.transformer")
    features = layout["features_per_group"]
    encoders = {
        "encoder": transformer.get_linear_x_encoder(128, features),
        "y_encoder": transformer.get_linear_y_encoder(128),
    }
    return transformer.TableTransformer(ninp=128, nhead=4, nhid=512, nlayers=4, **encoders, **layout)


def pfns_step(**layout: Any) -> Callable[[], object]:
    (batch, queries), model = regression(), pfns(**layout)
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        loss = squared_error(model(batch.x, batch.y, queries.x), queries.y).mean()
        train_step(loss, model, optimizer, CONFIG, progress)

    return step


@pytest.mark.benchmark(group="implicit step")
def test_pfns(benchmark: Any) -> None:
    """One token an observation, as in ours."""
    measure(benchmark, pfns_step(features_per_group=20, attention_between_features=False))


@pytest.mark.benchmark(group="implicit step")
def test_pfns_default(benchmark: Any) -> None:
    """A token for each feature of each observation, and attention both ways."""
    measure(benchmark, pfns_step(features_per_group=1), rounds=3)
