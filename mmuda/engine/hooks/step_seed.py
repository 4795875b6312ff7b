"""The model's random draws of step n depend on (seed, rank, n) only."""

from __future__ import annotations

import numpy as np
import torch
from mmengine import dist
from mmengine.hooks import Hook

from mmuda.registry import HOOKS


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds torch's generators before each training step, so that dropout and augmentation are exact after a resume.

    No generator state has to be gathered from all processes and saved: the stream of a step follows
    from the run's seed. Data loading has its own seeds (see :class:`mmuda.DomainSampler`).
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Seed the CPU's and the current device's default generator."""
        sequence = np.random.SeedSequence((runner.seed, dist.get_rank(), runner.iter))
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
