"""Structural equations x_t = f_t(parents of t) + noise of many models at once, nodes in causal order."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from iai.tasks.graphs import Graphs

Mechanism = Literal["linear", "fourier"]
Noise = Literal["gaussian", "laplace"]

FEATURES = 64
"""Random Fourier features of a mechanism."""

Equations = Callable[[Tensor], Tensor]
"""f_t of every node t: observations of the nodes 0 ... t - 1, `tasks n t`, to `tasks n`."""


def linear(generator: torch.Generator, graph: Graphs) -> Equations:
    """f_t(x) = sum_i weights[i, t] x_i, with weights of random sign and size U(1, 3) where i is a parent of t."""
    uniform = 2 * torch.rand(graph.shape, generator=generator, device=graph.device) - 1
    weights = (uniform.sign() + 2 * uniform) * graph

    def equations(earlier: Float[Tensor, "tasks n t"]) -> Float[Tensor, "tasks n"]:
        node = earlier.shape[-1]
        return (earlier @ weights[:, :node, node, None])[..., 0]

    return equations


def fourier(generator: torch.Generator, graph: Graphs) -> Equations:
    """f_t(x) = sum_m amplitudes[t, m] cos(frequencies[t, :, m] . x + phases[t, m]), of standardised x.

    Functions of length scale 1, in sds of a parent, whose own sd over functions is U(1, 3): in the limit of many
    features a Gaussian process with a squared-exponential kernel (Rahimi, Recht 2007).
    """
    tasks, nodes, _ = graph.shape
    device, shape = graph.device, (tasks, nodes, FEATURES)
    size = 1 + 2 * torch.rand(tasks, nodes, 1, generator=generator, device=device)
    frequencies = torch.randn(tasks, nodes, nodes, FEATURES, generator=generator, device=device) * graph.mT[..., None]
    phases = 2 * math.pi * torch.rand(shape, generator=generator, device=device)
    amplitudes = size * math.sqrt(2 / FEATURES) * torch.randn(shape, generator=generator, device=device)

    def equations(earlier: Float[Tensor, "tasks n t"]) -> Float[Tensor, "tasks n"]:
        node = earlier.shape[-1]
        angles = standardised(earlier) @ frequencies[:, node, :node] + phases[:, None, node]
        return (angles.cos() @ amplitudes[:, node, :, None])[..., 0]

    return equations


MECHANISMS: dict[Mechanism, Callable[[torch.Generator, Tensor], Equations]] = {"linear": linear, "fourier": fourier}
"""Samplers of the equations of given graphs, by name."""


def simulate(equations: Equations, noise: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks n d"]:
    """Observations of the nodes one after another, from the noise of all."""
    x = noise[..., :0]
    for node in range(noise.shape[-1]):
        x = torch.cat([x, (equations(x) + noise[..., node])[..., None]], dim=-1)
    return x


def unit_noise(generator: torch.Generator, kind: Noise, shape: tuple[int, ...]) -> Tensor:
    """Independent numbers of mean 0 and variance 1."""
    if kind == "gaussian":
        return torch.randn(shape, generator=generator, device=generator.device)
    uniform = torch.rand(shape, generator=generator, device=generator.device) - 0.5
    return -uniform.sign() * (1 - 2 * uniform.abs()).clamp_min(1e-7).log() / math.sqrt(2)


def standardised(x: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks n d"]:
    """x with mean 0 and variance 1 over the observations; a constant variable becomes 0."""
    centred = x - x.mean(1, keepdim=True)
    return centred / centred.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)
