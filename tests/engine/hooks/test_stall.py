"""How far a rank is, as the other ranks compare it."""

from types import SimpleNamespace

from mmuda.engine.hooks import StallHook
from mmuda.processes.progress import progress


def test_a_batch_in_parts_counts_once():
    """Images of several sizes come in as many parts as a rank needs; the batches are the same on all ranks."""
    runner, hook = SimpleNamespace(iter=4), StallHook()
    hook.before_train_iter(runner, 0)
    for index in (0, 0, 1, 0, 1, 1):  # of the student, then of the teacher
        hook.after_val_iter(runner, index)
    assert progress.position == (4, 0, 4)
