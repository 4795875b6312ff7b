"""What is sharded of a model, and the optimizer's part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as torch_dist
from torch import Tensor, nn
from torch.optim import Optimizer

Shards = dict[nn.Parameter, Tensor]
"""Sharded parameters by this process's parts of them."""

CONTAINERS = (nn.ModuleList, nn.Sequential)


def encoders_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the student's encoder by its name, and its copies: the teacher's, the reference of a feature distance.

    Raises:
        TypeError: A model without ``student.backbone``.
    """
    encoder = getattr(getattr(model, 'student', None), 'backbone', None)
    if encoder is None:
        raise TypeError(
            f'{type(model).__name__} has no student.backbone to shard: use a UDA model with an encoder, or leave out '
            'model_wrapper_cfg.'
        )
    return {name: part for name, part in model.named_modules() if type(part) is type(encoder)}


def blocks_of(encoder: nn.Module) -> Iterator[nn.Module]:
    """Yield the outermost modules of an encoder in a list of their like: residual blocks, transformer layers.

    Example:
        >>> block = lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> class Layer(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = nn.Linear(2, 2)
        >>> len(list(blocks_of(nn.ModuleList([nn.ModuleList([Layer(), Layer()]), nn.ReLU()]))))
        2
    """
    for child in encoder.children():
        yield from child if _is_list_of_blocks(child) else blocks_of(child)


def _is_list_of_blocks(module: nn.Module) -> bool:
    kinds = {type(member) for member in module.children()}
    return (
        isinstance(module, CONTAINERS)
        and len(kinds) == 1
        and not issubclass(*kinds, CONTAINERS)
        and any(True for _ in next(module.children()).children())
    )


def own_part(x: Tensor) -> Tensor:
    """Return what this process has of a tensor, which may be sharded; it shares the memory."""
    x = x.detach()
    return x.to_local() if hasattr(x, 'to_local') else x


def give_shards(optimizer: Optimizer, before: Mapping[str, nn.Parameter], now: Mapping[str, nn.Parameter]) -> Shards:
    """Replace the parameters of an optimizer, and their moments, by this process's parts as plain tensors.

    What torch reduces of a gradient moves on to these, so that the optimizer sees no tensor of two kinds.

    Args:
        optimizer: Made for the whole parameters.
        before: These, by their names.
        now: The same, of which some are sharded.

    Returns:
        The sharded parameters by their parts.
    """
    parts, shards = {}, {}
    for name, whole in before.items():
        if hasattr(now[name], 'to_local') and whole.requires_grad:
            part = parts[whole] = nn.Parameter(own_part(now[name]))
            shards[part] = now[name]
            now[name].register_post_accumulate_grad_hook(_moving_to(part))
            if whole in optimizer.state:
                state = optimizer.state.pop(whole)
                optimizer.state[part] = {key: _cut(value, whole, now[name]) for key, value in state.items()}
    for group in optimizer.param_groups:
        group['params'] = [parts.get(parameter, parameter) for parameter in group['params']]
    return shards


def _moving_to(part: nn.Parameter):
    def move(parameter: nn.Parameter) -> None:
        gradient, parameter.grad = own_part(parameter.grad), None
        part.grad = gradient if part.grad is None else part.grad.add_(gradient)

    return move


def _cut(value: Any, whole: Tensor, sharded: Tensor) -> Any:
    """Return a moment's part, as :func:`torch.chunk` cuts rows; a count of steps stays."""
    if not isinstance(value, Tensor) or value.shape != whole.shape:
        return value
    mesh = sharded.device_mesh
    chunks, rank = value.chunk(mesh.size()), mesh.get_local_rank()
    return chunks[rank].clone() if rank < len(chunks) else value.new_empty(0, *value.shape[1:])


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the sharded tensors of a state dict, whole, on rank 0's CPU; all processes take part."""
    return {name: _gathered(value) for name, value in model.state_dict().items() if hasattr(value, 'to_local')}


def whole_optimizer_state(optimizer: Optimizer, shards: Shards) -> dict[str, dict]:
    """Return an optimizer's ``state`` with whole moments, as its state dict numbers them; all processes take part."""
    state = dict(optimizer.state_dict()['state'])
    parameters = [parameter for group in optimizer.param_groups for parameter in group['params']]
    for number, part in enumerate(parameters):
        if part in shards and number in state:
            state[number] = {key: _joined(value, part, shards[part]) for key, value in state[number].items()}
    return dict(state=state)


def _joined(value: Any, part: Tensor, like: Tensor) -> Any:
    if not isinstance(value, Tensor) or value.shape != part.shape:
        return value
    return _gathered(
        type(like.data).from_local(value, like.device_mesh, like.placements, shape=like.shape, stride=like.stride())
    )


def _gathered(x: Tensor) -> Tensor:
    whole = x.full_tensor()
    return whole.cpu() if torch_dist.get_rank() == 0 else whole.new_empty(0, device='cpu')


class ShardedClip:
    """:func:`torch.nn.utils.clip_grad_norm_` where some gradients are parts of larger ones.

    Args:
        shards: The parameters that are.
        group: The processes that have the parts.
    """

    def __init__(self, shards: Shards, group: torch_dist.ProcessGroup) -> None:
        self.shards, self.group = shards, group

    def __call__(
        self, parameters: Sequence[nn.Parameter], max_norm: float, norm_type: float = 2.0, **options: Any
    ) -> Tensor:
        """Scale the gradients so that their norm is ``max_norm`` at most, and return the norm that they had.

        Raises:
            ValueError: Another norm than the Euclidean.
        """
        if norm_type != 2:
            raise ValueError(
                f'clip_grad has norm_type={norm_type}, but sharded gradients are clipped by the norm 2 alone: leave it '
                'out, or leave out model_wrapper_cfg.'
            )
        kinds: tuple[list[Tensor], list[Tensor]] = ([], [])
        for parameter in parameters:
            kinds[parameter in self.shards].append(parameter.grad)
        whole, sharded = (torch.nn.utils.get_total_norm(gradients).square() for gradients in kinds)
        torch_dist.all_reduce(sharded, group=self.group)
        norm = (whole + sharded).sqrt()
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm, **options)
        return norm
