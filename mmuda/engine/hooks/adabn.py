"""The target's statistics of AdaBN (Li et al., Pattern Recognition 2018, Sec. 3.3), whenever a network is looked at."""

from __future__ import annotations

from mmengine.hooks import Hook

from mmuda.functional import is_share, steps_of
from mmuda.registry import HOOKS

from ..embedding import target_batches
from ..wrapping import unwrapped


@HOOKS.register_module()
class AdaBNHook(Hook):
    """A pass over target images that gives every :class:`mmuda.AdaBN2d` (1d, 3d) the statistics it evaluates with.

    It comes every ``interval`` steps and after the last one, before the checkpoint is saved and the network is scored;
    training does not use these statistics, so it is the same as without. Let ``interval`` divide those of checkpoints
    and validation: in between the statistics go back to those of training rows. Needs a :class:`mmuda.DomainSampler`.

    Args:
        interval: Steps between two passes; a float up to 1 is a share of the training.
        num_batches: Batches of a pass, each of as many images as a training batch has of both domains.
    """

    def __init__(self, interval: float, num_batches: int = 20) -> None:
        if interval <= 0 or num_batches < 1:
            raise ValueError(
                f'AdaBNHook has interval={interval} and num_batches={num_batches}: both are 1 or more, or the first a '
                'share of the training.'
            )
        is_share(interval, 'AdaBNHook.interval')
        self.interval = interval
        self.num_batches = num_batches

    def before_train(self, runner) -> None:
        """Refuse what no pass could be made with before the first step rather than at the first pass.

        Raises:
            TypeError: A model that is none of mmuda's or has no AdaBN, or a sampler of one domain.
        """
        model, sampler = unwrapped(runner.model), runner.train_dataloader.sampler
        if not hasattr(model, 'adapt_norms'):
            raise TypeError(
                f"AdaBNHook needs a model of mmuda, but this is a {type(model).__name__}: use type='UDAModel'."
            )
        if not hasattr(sampler, 'every_sample'):
            raise TypeError(
                f'AdaBNHook needs to know which images are of the target, but a {type(sampler).__name__} does not: set '
                "train_dataloader.sampler=dict(type='mmuda.DomainSampler')."
            )
        if not model.adapt_norms(()):
            raise TypeError(
                f'AdaBNHook found no AdaBN in the {type(model.student).__name__}: set '
                "norm_cfg=dict(type='mmuda.AdaBN2d') in its parts, or leave the hook out."
            )
        self.interval = steps_of(self.interval, runner.max_iters, 'interval')

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Adapt where that is due."""
        step = runner.iter + 1
        if step % self.interval == 0 or step == runner.max_iters:
            unwrapped(runner.model).adapt_norms(target_batches(runner, self.num_batches, step))
