"""What makes a resumed run equal to an uninterrupted one, to the bit."""

from __future__ import annotations

import numpy as np
import torch
from mmengine import dist
from mmengine.hooks import Hook

from mmuda.registry import HOOKS

from ..clock import set_step


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """The model's random draws of step n depend on (seed, rank, n) only, and the sampler's seed is in the checkpoint.

    torch's generators are seeded before each step, so no state has to be gathered from all processes and saved: dropout
    and augmentation follow from the run's seed. A data sample has a seed of its own (see :class:`mmuda.DomainSampler`);
    the position in the data follows from the iteration (see :class:`mmuda.ResumableTrainLoop`).
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Let the model count from the loop's iteration."""
        set_step(runner)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Seed the default generators of the CPU and of all devices."""
        sequence = np.random.SeedSequence((runner.seed, dist.get_rank(), runner.iter))
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the sampler's seed, which may have been drawn at random."""
        checkpoint['sampler_seed'] = getattr(runner.train_dataloader.sampler, 'seed', None)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Give a resumed run the seed it started with; ``load_from`` starts a run of its own."""
        if runner._resume and checkpoint.get('sampler_seed') is not None:
            runner.train_dataloader.sampler.seed = checkpoint['sampler_seed']
