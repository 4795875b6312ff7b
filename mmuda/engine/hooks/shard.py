"""When the encoders of a model are sharded, and when they are whole."""

from __future__ import annotations

from contextlib import ExitStack

from mmengine.hooks import Hook

from mmuda.registry import HOOKS


@HOOKS.register_module()
class ShardHook(Hook):
    """Shards a model whose weights are loaded and tried, and makes its encoders whole for an evaluation.

    :class:`mmuda.MeanTeacherRunner` adds it for a :class:`mmuda.UDAFullyShardedDataParallel`.
    """

    priority = 'VERY_HIGH'  # behind the rehearsal, before whoever keeps tensors of the model

    def __init__(self) -> None:
        self._whole = ExitStack()

    def before_train(self, runner) -> None:
        """Shard model and optimizer."""
        runner.model.shard(runner.optim_wrapper)

    def before_val(self, runner) -> None:
        """Make encoders whole: images of several sizes are several passes, as many as a rank needs."""
        self._whole.enter_context(runner.model.whole_encoders())

    def after_val(self, runner) -> None:
        """Cut the encoders again."""
        self._whole.close()
