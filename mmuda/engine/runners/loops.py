"""Loops: training that resumes without replaying its data, and evaluation of student and teacher."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from mmengine import dist
from mmengine.logging import MMLogger, print_log
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, ValLoop, set_random_seed
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

from mmuda.registry import LOOPS

from ..pictures import pictures_named
from ..wrapping import unwrapped
from .size_groups import SizeGroups


@LOOPS.register_module()
class ResumableTrainLoop(IterBasedTrainLoop):
    """mmengine's iteration loop, but a resume moves the sampler instead of loading all past images again.

    That takes a sampler with ``set_position``, such as :class:`mmuda.DomainSampler`; with any other the past data are
    loaded again, as mmengine does.

    Args:
        runner, dataloader, val_begin, dynamic_intervals: As in mmengine's ``IterBasedTrainLoop``.
        max_iters: Steps of the training.
        max_epochs: Its length in epochs instead: as many whole batches as the sampler's length has. Then ``val_begin``
            and ``val_interval`` count epochs too; hooks and schedules go on counting steps.
        val_interval: Steps (or epochs) between two evaluations.
    """

    def __init__(
        self,
        runner,
        dataloader: DataLoader | dict,
        max_iters: int | None = None,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
        max_epochs: int | None = None,
    ) -> None:
        if (max_iters is None) == (max_epochs is None):
            raise ValueError(f'train_cfg has max_iters={max_iters} and max_epochs={max_epochs}: give one of them.')
        length = max_epochs if max_iters is None else max_iters
        if length < 1 or val_interval < 1 or val_begin < 0:
            raise ValueError(
                f'train_cfg has max_iters={max_iters}, max_epochs={max_epochs}, val_interval={val_interval} and '
                f'val_begin={val_begin}: the last is 0 or more, the others are 1 or more.'
            )
        super().__init__(runner, dataloader, max_iters or 0, val_begin, val_interval, dynamic_intervals)
        _check_batch(self.dataloader)
        if max_epochs is not None:
            length = self.epoch_length
            self._max_iters = max_epochs * length
            self.val_begin = val_begin * length
            self.val_interval = val_interval * length
            self.dynamic_milestones = [milestone * length for milestone in self.dynamic_milestones]
            self.dynamic_intervals = [interval * length for interval in self.dynamic_intervals]

    def run(self):
        """Jump to the data of the current iteration, then train."""
        if self._iter > 0:
            self.seek(self._iter)
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._validates():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    @property
    def epoch_length(self) -> int:
        """Steps of an epoch: whole batches that the sampler's length has.

        Raises:
            ValueError: There is none.
        """
        samples, batch_size = len(self.dataloader.sampler), self.dataloader.batch_size
        if samples < batch_size:
            raise ValueError(
                f'An epoch has {samples} samples, less than one batch of {batch_size}: lower batch_size, or give '
                'max_iters instead of max_epochs.'
            )
        return samples // batch_size

    def end_at(self, iteration: int) -> None:
        """Let the training end after this many steps, the current one at the earliest: hooks then see the last step."""
        self._max_iters = iteration

    def seek(self, iteration: int) -> None:
        """Draw anew from the batch of this step on: nothing that was loaded ahead is used."""
        sampler = self.dataloader.sampler
        if not hasattr(sampler, 'set_position'):
            print_log(
                f'A {type(sampler).__name__} cannot be moved: loading the data of {iteration} past steps again. '
                "sampler=dict(type='mmuda.DomainSampler') would start at once.",
                logger='current',
                level=logging.WARNING,
            )
            for _ in range(iteration):
                next(self.dataloader_iterator)
            return
        sampler.set_position(iteration * self.dataloader.batch_size)
        self.dataloader_iterator = _InfiniteDataloaderIterator(self.dataloader)

    def _validates(self) -> bool:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self.runner.val_loop is not None and self._iter >= self.val_begin and due


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop, but a resume inside an epoch leaves out the batches that the epoch has had.

    They are loaded and dropped, and the generators are seeded at the start of each epoch, so that the random draws of
    the data stay the same.

    Args:
        As in mmengine.
    """

    def run_epoch(self) -> None:
        """Train on what is left of the epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        sequence = np.random.SeedSequence((self.runner.seed, dist.get_rank(), self._epoch))
        set_random_seed(int(sequence.generate_state(1)[0]))
        done = self._iter - self._epoch * len(self.dataloader)
        for number, data_batch in enumerate(self.dataloader):
            if number >= done:
                self.run_iter(number, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


def _check_batch(dataloader: DataLoader) -> None:
    """Ask the sampler about the size of a batch."""
    check = getattr(dataloader.sampler, 'check_batch', None)
    if check is not None and dataloader.batch_size is not None:
        check(dataloader.batch_size)


@contextmanager
def _titled(title: str) -> Iterator[None]:
    """Log a title above what a block logs, such as a table of scores; metrics without a table log nothing."""
    logger = MMLogger.get_current_instance()

    def announce(record: logging.LogRecord) -> bool:
        nonlocal title
        due, title = title, ''
        if due:
            logger.info(due)
        return True

    logger.addFilter(announce)
    try:
        yield
    finally:
        logger.removeFilter(announce)


@LOOPS.register_module()
class MeanTeacherValLoop(SizeGroups, ValLoop):
    """Evaluates the student, whose scores keep their plain names, and then the teacher, under ``teacher/``.

    Args:
        networks: Which networks to evaluate, in this order.
        runner, dataloader, evaluator, fp16: As in mmengine's ``ValLoop``.
    """

    def __init__(
        self,
        runner,
        dataloader,
        evaluator,
        fp16: bool = False,
        networks: Sequence[str] = ('student', 'teacher'),
    ) -> None:
        unknown = [name for name in networks if name not in ('student', 'teacher')]
        if unknown or not networks:
            raise ValueError(f"MeanTeacherValLoop has networks={tuple(networks)}: name 'student', 'teacher' or both.")
        super().__init__(runner, dataloader, evaluator, fp16)
        self.networks = tuple(networks)

    def run(self) -> dict:
        """Evaluate each network."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        for buffer in self.runner.model.buffers():  # every process scores what rank 0 saves
            dist.broadcast(buffer)
        scores: dict = {}
        for network in self.networks:
            prefix = '' if network == 'student' else f'{network}/'
            scores.update({prefix + name: value for name, value in self._evaluate(network).items()})
        self.runner.call_hook('after_val_epoch', metrics=scores)
        self.runner.call_hook('after_val')
        return scores

    def _evaluate(self, network: str) -> dict:
        with self.predicting(network):
            for index, data_batch in enumerate(self.dataloader):
                self.run_iter(index, data_batch)
            with _titled(f'Scores of the {network}:' if len(self.networks) > 1 else ''):
                return self.evaluator.evaluate(len(self.dataloader.dataset))

    @contextmanager
    def predicting(self, network: str) -> Iterator[None]:
        """Let a network predict, metrics that compare networks know which, and the teacher's pictures say so."""
        model = unwrapped(self.runner.model)
        before, model.predict_on = model.predict_on, network
        for metric in getattr(self.evaluator, 'metrics', ()):
            if hasattr(metric, 'network'):
                metric.network = network
        prefix = '' if network == 'student' else f'{network}_'
        try:
            with pictures_named(getattr(self.runner, 'visualizer', None), prefix):
                yield
        finally:
            model.predict_on = before
