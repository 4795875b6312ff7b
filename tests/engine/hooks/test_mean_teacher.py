"""The teacher's update through the hook: closed form, buffers, accumulation, resume."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmuda.engine.hooks import MeanTeacherHook


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.teacher = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).requires_grad_(False)
        self.register_buffer('step', torch.tensor(0))


def runner(model, accumulate=1, iteration=0):
    counter = SimpleNamespace(_accumulative_counts=accumulate, count=0)
    counter.should_update = lambda: counter.count % accumulate == 0
    return SimpleNamespace(model=model, optim_wrapper=counter, iter=iteration, max_iters=100)


def train(hook, run, steps):
    """Random students, one a step; returns the student weights seen."""
    seen = []
    for step in range(steps):
        for tensor in run.model.student.state_dict().values():
            tensor.copy_(torch.randn_like(tensor) if tensor.is_floating_point() else tensor + 1)
        run.optim_wrapper.count += 1
        hook.after_train_iter(run, step)
        seen.append(run.model.student[0].weight.detach().clone())
    return torch.stack(seen)


def test_teacher_is_the_mean_of_the_first_students_and_then_their_moving_average():
    model, hook = Pair().double(), MeanTeacherHook(momentum=0.25)
    run = runner(model)
    hook.before_train(run)
    seen = train(hook, run, 4)
    torch.testing.assert_close(model.teacher[0].weight, seen.mean(0))
    before = model.teacher[0].weight.clone()
    (last,) = train(hook, run, 1)
    torch.testing.assert_close(model.teacher[0].weight, 0.75 * before + 0.25 * last)


def test_buffers_are_copied_to_the_bit():
    model, hook = Pair(), MeanTeacherHook()
    run = runner(model)
    hook.before_train(run)
    train(hook, run, 3)
    for name, buffer in model.student.named_buffers():
        assert torch.equal(model.teacher.get_buffer(name), buffer)
    assert model.teacher[1].num_batches_tracked == 3


def test_the_initial_weights_can_stay_in_the_average():
    model = Pair().double()
    hook, run = MeanTeacherHook(momentum=0.001, keep_initial=True), runner(model)
    initial = model.teacher[0].weight.clone()
    hook.before_train(run)
    seen = train(hook, run, 4)
    torch.testing.assert_close(model.teacher[0].weight, torch.cat((initial[None], seen)).mean(0))


def test_buffers_can_be_the_teachers_own():
    model, hook = Pair(), MeanTeacherHook(copy_buffers=False)
    before = {name: buffer.clone() for name, buffer in model.teacher.named_buffers()}
    run = runner(model)
    hook.before_train(run)
    train(hook, run, 3)
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.teacher.named_buffers())


def test_statistics_that_nobody_moves_are_refused():
    model = Pair()
    model.teacher_norm = 'running'
    with pytest.raises(ValueError, match="set teacher_norm='batch'"):
        MeanTeacherHook(copy_buffers=False).before_train(runner(model))
    model.teacher[1] = model.student[1] = nn.LayerNorm(2)
    MeanTeacherHook(copy_buffers=False).before_train(runner(model))


def test_a_resume_goes_on_with_the_momentum_of_its_step():
    model, hook = Pair(), MeanTeacherHook(momentum=0.001)
    run, before = runner(model, iteration=9), model.teacher[0].weight.clone()
    hook.before_train(run)
    assert model.step == 9
    (student,) = train(hook, run, 1)
    torch.testing.assert_close(model.teacher[0].weight, 0.9 * before + 0.1 * student)


def test_under_accumulation_the_teacher_moves_with_the_optimizer():
    model, hook = Pair(), MeanTeacherHook()
    run, before = runner(model, accumulate=2), model.teacher[0].weight.clone()
    hook.before_train(run)
    train(hook, run, 1)
    assert torch.equal(model.teacher[0].weight, before)
    seen = train(hook, run, 1)
    assert torch.equal(model.teacher[0].weight, seen[0])


def test_it_tells_the_model_that_its_teacher_is_updated():
    class Renamed(MeanTeacherHook):
        pass

    model = Pair()
    Renamed().before_train(runner(model))
    assert model.teacher_updater == 'Renamed'


def test_a_fixed_teacher_is_not_moved():
    model = Pair()
    model.teacher_fixed = True
    with pytest.raises(ValueError, match=r"teacher='fixed': leave out one"):
        MeanTeacherHook().before_train(runner(model))


def test_bad_use_is_named():
    with pytest.raises(ValueError, match=r'momentum=0.*m in \(0, 1\]'):
        MeanTeacherHook(momentum=0)
    with pytest.raises(TypeError, match=r"Linear has none: use type='SelfTrainingUDA'"):
        MeanTeacherHook().before_train(runner(nn.Linear(1, 1)))
