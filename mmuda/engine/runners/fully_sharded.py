"""Large encoders in parts: of each block every process keeps its share (FSDP2); the rest of the model is under DDP.

Weights, gradients, moments and teacher of an encoder then take 1/n of their memory, n the number of processes. A block
is whole while it computes. Heads, necks and terms, which read each other's weights freely, stay whole everywhere.

Sharding comes after the weights are loaded and goes before they are saved: a checkpoint is that of a run without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as torch_dist
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmuda.registry import MODEL_WRAPPERS

from ..sharding import ShardedClip, Shards, blocks_of, encoders_of, give_shards, whole_optimizer_state, whole_state
from .data_parallel import UDADataParallel


@MODEL_WRAPPERS.register_module()
class UDAFullyShardedDataParallel(UDADataParallel):
    """:class:`mmuda.UDADataParallel`, but each process keeps a part of the encoders: student's, teacher's, reference's.

    One key of a config, ``model_wrapper_cfg=dict(type='mmuda.UDAFullyShardedDataParallel')``, under
    :class:`mmuda.MeanTeacherRunner`. It takes optimizers that work on each value by itself, such as AdamW and SGD.

    Args:
        module: A UDA model, whose student has a ``backbone``.
        kwargs: Of :class:`mmuda.UDADataParallel`.

    Raises:
        TypeError: A model without ``student.backbone``.
    """

    def __init__(self, module: nn.Module, **kwargs) -> None:
        names = [
            f'{name}.{parameter}'
            for name, encoder in encoders_of(module).items()
            for parameter, _ in encoder.named_parameters()
        ]
        self._set_params_and_buffers_to_ignore_for_model(module, names)
        super().__init__(module=module, **kwargs)
        self._units: tuple[nn.Module, ...] = ()
        self._shards: Shards = {}

    def shard(self, optim_wrapper: OptimWrapper) -> None:
        """Cut encoders and moments as they are now; the optimizer gets this process's part of each weight.

        Raises:
            ValueError: A scaled loss, of which the processes would not agree which steps to skip; weights in channels
                last, which FSDP2 does not cut.
        """
        from torch.distributed.fsdp import fully_shard

        before = dict(self.module.named_parameters())
        if hasattr(optim_wrapper, 'loss_scaler'):
            raise ValueError(
                f'{type(self).__name__} trains without a scaled loss, but optim_wrapper is a '
                f"{type(optim_wrapper).__name__}: use type='mmuda.BFloat16OptimWrapper', which --amp takes where the "
                'device has bfloat16.'
            )
        if not all(parameter.is_contiguous() for parameter in before.values()):
            raise ValueError(
                f'{type(self).__name__} cuts contiguous weights, but some are in channels last: leave out '
                'ChannelsLastHook, or model_wrapper_cfg.'
            )
        mesh = _own_mesh()
        for encoder in encoders_of(self.module).values():
            for unit in (*blocks_of(encoder), encoder):
                fully_shard(unit, mesh=mesh, reshard_after_forward=True)
                self._units += (unit,)
        self._shards = give_shards(optim_wrapper.optimizer, before, dict(self.module.named_parameters()))
        if optim_wrapper.clip_grad_kwargs and 'max_norm' in optim_wrapper.clip_grad_kwargs:
            optim_wrapper.clip_func = ShardedClip(self._shards, mesh.get_group())

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Make one update by this process's part of a batch."""
        if not self._units:
            raise RuntimeError(
                f"{type(self).__name__} has not been sharded: train with runner_type='mmuda.MeanTeacherRunner'."
            )
        return super().train_step(data, optim_wrapper)

    @contextmanager
    def whole_encoders(self) -> Iterator[None]:
        """Make encoders whole in this block, so that the processes may run different numbers of passes."""
        for unit in self._units:
            unit.set_reshard_after_forward(False, recurse=False)
            unit.unshard()
        try:
            yield
        finally:
            for unit in self._units:
                unit.set_reshard_after_forward(True, recurse=False)
                unit.reshard()

    @contextmanager
    def whole_states(self, optim_wrapper: OptimWrapper | None) -> Iterator[None]:
        """Make rank 0's state dicts of model and optimizer whole tensors in this block; all processes take part."""
        handles = []
        if self._units:
            state = whole_state(self.module)
            handles.append(self.module.register_state_dict_post_hook(lambda *args: args[1].update(state)))
        if self._units and optim_wrapper is not None:
            moments = whole_optimizer_state(optim_wrapper.optimizer, self._shards)
            handles.append(optim_wrapper.optimizer.register_state_dict_post_hook(lambda *args: args[1] | moments))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _own_mesh():
    """Return a group of all processes apart from DDP's: the order of their collectives may then differ."""
    from torch.distributed.device_mesh import DeviceMesh

    return DeviceMesh.from_group(torch_dist.new_group(), get_device())
