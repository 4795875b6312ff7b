"""Backward passes one after the other, so that the activations of views that share no term do not add up.

The gradient of a sum is the sum of gradients: a loss whose views nobody needs any more may go backward before the next
views are passed. Gradients add up in ``.grad`` and equal those of one backward pass, up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

Losses = dict[str, Tensor]


class EarlyBackward:
    """Goes backward from a part of a step's losses, scaled as ``optim_wrapper`` scales the rest.

    Under several processes this happens within the forward pass, where DDP expects no gradients: as under ``no_sync``
    nothing is sent. :meth:`joined` brings all gradients to the one all-reduce of the last backward pass.
    """

    def __init__(self, optim_wrapper: OptimWrapper) -> None:
        if isinstance(optim_wrapper, OptimWrapperDict):
            raise TypeError(
                f'A training step makes one step of one optimizer, but optim_wrapper has {len(optim_wrapper)} '
                f'({", ".join(optim_wrapper.keys())}): use one, with settings for parts of the model in '
                "paramwise_cfg=dict(custom_keys={'terms.NAME': dict(lr_mult=...)})."
            )
        self.optim_wrapper = optim_wrapper
        self.used = False

    def __call__(self, terms: dict[str, Losses]) -> dict[str, Losses]:
        """Add the gradients of some terms' losses, perhaps under autocast; what is left is for the log."""
        loss = sum(value for losses in terms.values() for key, value in losses.items() if 'loss' in key)
        if isinstance(loss, Tensor) and loss.requires_grad:
            loss = self.optim_wrapper.scale_loss(loss)
            scaler = getattr(self.optim_wrapper, 'loss_scaler', None)
            with torch.autocast(loss.device.type, enabled=False):
                (loss if scaler is None else scaler.scale(loss)).backward()
            self.used = True
        return {name: {key: value.detach() for key, value in losses.items()} for name, losses in terms.items()}

    def joined(self, losses: Losses, parameters: Iterable[nn.Parameter]) -> Losses:
        """Join all losses of the step; their backward pass also visits each parameter that has a gradient already.

        DDP reduces the gradients of what the last backward pass visits.
        """
        if not self.used:
            return losses
        name = next(key for key in losses if 'loss' in key)
        visited = [parameter for parameter in parameters if parameter.grad is not None]
        return losses | {name: _Visiting.apply(losses[name], *visited)}


class _Visiting(torch.autograd.Function):
    """The identity, whose backward pass visits further tensors without giving them a gradient."""

    @staticmethod
    def forward(ctx, loss: Tensor, *visited: Tensor) -> Tensor:
        """Return the loss."""
        ctx.count = len(visited)
        return loss.view_as(loss)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Hand the gradient on to the loss alone."""
        return gradient, *[None] * ctx.count
