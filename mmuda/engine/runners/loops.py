"""Loops: training that resumes without replaying its data, and evaluation of student and teacher."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mmengine import dist
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, ValLoop
from mmengine.runner.loops import _InfiniteDataloaderIterator

from mmuda.registry import LOOPS


@LOOPS.register_module()
class ResumableTrainLoop(IterBasedTrainLoop):
    """mmengine's iteration loop, but a resume moves the sampler instead of loading all past images again.

    That takes a sampler with ``set_position``, such as :class:`mmuda.DomainSampler`; with any other the past data are
    loaded again, as mmengine does.
    """

    def run(self):
        """Jump to the data of the current iteration, then train."""
        if self._iter > 0:
            self._seek(self._iter)
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

    def _seek(self, iteration: int) -> None:
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
class MeanTeacherValLoop(ValLoop):
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
        super().__init__(runner, dataloader, evaluator, fp16)
        self.networks = tuple(networks)

    def run(self) -> dict:
        """One evaluation per network."""
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
        model = self.runner.model.module if is_model_wrapper(self.runner.model) else self.runner.model
        before, model.predict_on = model.predict_on, network
        try:
            for index, data_batch in enumerate(self.dataloader):
                self.run_iter(index, data_batch)
            return self.evaluator.evaluate(len(self.dataloader.dataset))
        finally:
            model.predict_on = before
