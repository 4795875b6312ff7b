"""The best score over validations beside the last one, labelled for what it is: a choice by the target's labels."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmuda.registry import HOOKS
from mmuda.scores import criterion_of, digits_of, goodness
from mmuda.storage import atomic_write

FILE = 'scores_by_step.json'


@HOOKS.register_module()
class BestScoreHook(Hook):
    """Logs ``last accuracy 71.20, best accuracy 74.10 at step 3000 (chosen by target labels)`` after each validation.

    Many published numbers are such a best; it needs labels that unsupervised adaptation does not have, so it is no
    result of a method alone and nothing here uses it to choose a checkpoint. The scores are kept in
    ``scores_by_step.json`` of the work directory, so a resumed run knows those of before.

    Args:
        score: A result of ``val_evaluator``; which end is the better one: :func:`mmuda.scores.rule_of`.
    """

    def __init__(self, score: str = 'accuracy') -> None:
        self.score = score
        self.scores: dict[int, float] = {}

    def before_train(self, runner) -> None:
        """Go on from the scores up to the step of a resumed run; any other starts anew."""
        path = Path(runner.work_dir, FILE)
        kept = _read(path).get(self.score, {}) if runner.iter > 0 and path.is_file() else {}
        self.scores = {int(step): value for step, value in kept.items() if int(step) <= runner.iter}

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        """Log and keep the score of this step.

        Raises:
            KeyError: The evaluator gives no such score.
        """
        if self.score not in (metrics or {}):
            raise KeyError(
                f'BestScoreHook has score={self.score!r}, but the validation gives {sorted(metrics or {})}: '
                'choose one of these.'
            )
        self.scores[runner.iter] = float(metrics[self.score])
        if is_main_process():
            with atomic_write(Path(runner.work_dir, FILE), 'w') as file:
                json.dump({self.score: self.scores}, file)
        runner.logger.info(self.line())

    def line(self) -> str:
        """Return the last and best in one line; of equals, the first is the best."""
        step = max(self.scores, key=lambda key: (goodness(self.score, self.scores[key]), -key))
        last = self.scores[max(self.scores)]
        digits = digits_of(self.score)
        line = f'last {self.score} {last:.{digits}f}, best {self.score} {self.scores[step]:.{digits}f} at step {step}'
        return line + (' (chosen by target labels)' if criterion_of(self.score) is None else '')


def _read(path: Path) -> dict[str, dict[str, float]]:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is damaged ({error}): remove it, the best score then counts from here.') from error
