"""Losses and metrics: pure functions of a prediction and a target, one number an example."""

from jaxtyping import Float
from torch import Tensor

from iai.types import Loss


def squared_error(
    y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]
) -> Float[Tensor, "*batch"]:
    """(y_hat - y)^2, averaged over the features of a target; in squared units of y."""
    return (y_hat - y).square().mean(-1)


def cross_entropy(
    y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]
) -> Float[Tensor, "*batch"]:
    """-log softmax(y_hat)[class], in nats, for logits and one-hot targets."""
    return -(y_hat.log_softmax(-1) * y).sum(-1)


def zero_one(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """1 where the largest logit is not the class, else 0."""
    return (y_hat.argmax(-1) != y.argmax(-1)).to(y_hat.dtype)


def accuracy(y_hat: Float[Tensor, "*batch dy"], y: Float[Tensor, "*batch dy"]) -> Float[Tensor, "*batch"]:
    """1 where the largest logit is the class, else 0."""
    return 1 - zero_one(y_hat, y)


LOSSES: dict[str, Loss] = {"squared_error": squared_error, "cross_entropy": cross_entropy}
"""The training losses by the name that a task's `loss` field carries."""

METRICS: dict[str, dict[str, Loss]] = {
    "squared_error": {"mse": squared_error, "loss": squared_error},
    "cross_entropy": {"error": zero_one, "accuracy": accuracy, "loss": cross_entropy},
}
"""What is reported for a task, by the name of its training loss."""
