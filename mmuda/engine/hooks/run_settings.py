"""A run does what its config says, also when it goes on from a checkpoint that was written with another one."""

from __future__ import annotations

from mmengine.hooks import Hook

from mmuda.registry import HOOKS

from ..counting import check_counting
from ..resume_settings import KEY, current_settings, reconcile


@HOOKS.register_module()
class RunSettingsHook(Hook):
    """Refuses settings that would never act, and says what a resume makes of changed ones.

    See :mod:`mmuda.engine.counting` and :mod:`mmuda.engine.resume_settings`.
    """

    def before_train(self, runner) -> None:
        """Refuse what counts epochs where iterations are counted."""
        check_counting(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the settings that no state holds."""
        checkpoint[KEY] = current_settings(runner)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Let the config lead where it should; ``load_from`` takes no state but the weights."""
        if runner._resume:
            reconcile(runner, checkpoint)
