"""Losses and metrics: pure functions of a prediction and a target, one number an example."""

from collections.abc import Callable
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from iai.fields import unknown

Value = TypeVar("Value")
Loss = Callable[[Tensor, Tensor], Tensor]
"""L(y_hat, y): one number an example, `... dy` and `... dy` to `...`; callers reduce."""


def squared_error(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """(y_hat - y)^2, averaged over the features of a target; in squared units of y."""
    return (y_hat - y).square().mean(-1)


def cross_entropy(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """-log softmax(y_hat)[class], in nats, for logits and one-hot targets."""
    return -(y_hat.log_softmax(-1) * y).sum(-1)


def zero_one(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """1 where the largest logit is not the class, else 0; nan where a logit is not finite."""
    wrong = (y_hat.argmax(-1) != y.argmax(-1)).to(y_hat.dtype)
    return torch.where(y_hat.isfinite().all(-1), wrong, torch.nan)


def accuracy(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """1 where the largest logit is the class, else 0; nan where a logit is not finite."""
    return 1 - zero_one(y_hat, y)


def edge_cross_entropy(y_hat: Float[Tensor, "*tasks d d"], y: Float[Tensor, "*tasks d d"]) -> Float[Tensor, "*tasks d"]:
    """Cross-entropy of the edges i -> j of a graph, in nats, averaged over j, for logits and 0 or 1."""
    return F.binary_cross_entropy_with_logits(y_hat, y, reduction="none").mean(-1)


def leaves_first(y_hat: Float[Tensor, "*tasks d d"]) -> Int64[Tensor, "*tasks d"]:
    """Nodes in the order of their removal: each has the fewest expected children among those that remain.

    `y_hat` has the logits of the edges i -> j; those of i -> i are not read. Ties go to the first node.
    """
    d = y_hat.shape[-1]
    children = y_hat.sigmoid() * (1 - torch.eye(d, device=y_hat.device))
    gone = torch.zeros_like(children[..., 0])
    order = []
    for _ in range(d):
        expected = (children * (1 - gone)[..., None, :]).sum(-1)
        order.append(torch.where(gone > 0, torch.inf, expected).argmin(-1))
        gone = gone.scatter(-1, order[-1][..., None], 1.0)
    return torch.stack(order, dim=-1)


def leaf_error(y_hat: Float[Tensor, "*tasks d d"], y: Float[Tensor, "*tasks d d"]) -> Float[Tensor, "*tasks d"]:
    """1 where the k-th node of `leaves_first` still has a child when its turn comes, else 0: FiP's error.

    The last node never has one, so the mean over nodes is at most (d - 1) / d; nan where a logit is not finite.
    """
    order = leaves_first(y_hat)
    picked = y.gather(-2, order[..., None].expand_as(y)).gather(-1, order[..., None, :].expand_as(y))
    return torch.where(y_hat.isfinite().all((-2, -1))[..., None], picked.triu(1).any(-1).to(y.dtype), torch.nan)


def order_accuracy(y_hat: Float[Tensor, "*tasks d d"], y: Float[Tensor, "*tasks d d"]) -> Float[Tensor, "*tasks d"]:
    """The share of pairs (ancestor, descendant) that `leaves_first` orders correctly, repeated for every node.

    1 where a graph has no edges; nan where a logit is not finite.
    """
    below = y
    for _ in range(y.shape[-1].bit_length()):
        below = ((below + below @ below) > 0).to(y.dtype)
    place = leaves_first(y_hat).argsort(-1)
    right = (place[..., :, None] > place[..., None, :]) * below
    pairs = below.sum((-2, -1))
    share = torch.where(pairs > 0, right.sum((-2, -1)) / pairs.clamp_min(1), 1.0)
    share = torch.where(y_hat.isfinite().all((-2, -1)), share, torch.nan)
    return share[..., None].expand(y.shape[:-1])


LossName = Literal["squared_error", "cross_entropy", "edge_cross_entropy"]


class ByLoss(dict[str, Value]):
    """What there is for each training loss; another name is a `UserError`."""

    def __missing__(self, name: str) -> Value:
        raise unknown("loss", name, self)


LOSSES: ByLoss[Loss] = ByLoss({loss.__name__: loss for loss in (squared_error, cross_entropy, edge_cross_entropy)})
"""Training losses by name, as in the `loss` field of a task."""


def itself(y_hat: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch dy"]:
    """A prediction that is a mean already."""
    return y_hat


def softmax(y_hat: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch dy"]:
    """The probabilities of classes, for logits."""
    return y_hat.softmax(-1)


MEANS: ByLoss[Callable[[Tensor], Tensor]] = ByLoss(
    squared_error=itself, cross_entropy=softmax, edge_cross_entropy=torch.sigmoid
)
"""E[y] under a prediction, by the name of its loss."""

METRICS: ByLoss[dict[str, Loss]] = ByLoss(
    squared_error={"mse": squared_error, "loss": squared_error},
    cross_entropy={"error": zero_one, "accuracy": accuracy, "loss": cross_entropy},
    edge_cross_entropy={"error": leaf_error, "order_accuracy": order_accuracy, "loss": edge_cross_entropy},
)
"""Metrics that are reported for a task, by the name of its training loss."""
