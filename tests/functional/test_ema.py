"""The teacher's average against its closed form."""

import pytest
import torch

from mmuda.functional import ema_momentum, ema_update_


def test_warm_up_follows_one_over_t_and_then_the_momentum():
    assert [ema_momentum(t, 0.1) for t in (0, 1, 8, 9, 10, 500)] == pytest.approx([1, 1 / 2, 1 / 9, 0.1, 0.1, 0.1])


def test_warm_up_averages_all_steps_evenly():
    students = torch.randn(7, 3, dtype=torch.float64)
    teacher = [torch.full((3,), 9.0, dtype=torch.float64)]
    for t, student in enumerate(students):
        ema_update_(teacher, [student], ema_momentum(t, 0.001))
    torch.testing.assert_close(teacher[0], students.mean(0))


@pytest.mark.parametrize('keep_initial', [False, True])
def test_the_released_schedules(segmentation_vectors, keep_initial):
    """DACS's teacher after each step; DAFormer's as it is used in each iteration, the one after the step before."""
    inputs, outputs = segmentation_vectors('ema.schedule')
    initial, *students = (torch.tensor([value], dtype=torch.float64) for value in inputs['student'])
    teacher, seen = [initial.clone()], [initial.item()]
    for t, student in enumerate(students):
        ema_update_(teacher, [student], ema_momentum(t, 0.001 if keep_initial else 0.01, keep_initial))
        seen.append(teacher[0].item())
    released = outputs['daformer_teacher_used_in_iter' if keep_initial else 'dacs_teacher_after_step']
    assert seen[-len(released) :] == pytest.approx(released, abs=1e-8)


def test_constant_momentum_has_geometric_weights():
    students = torch.randn(9, 2, dtype=torch.float64)
    teacher = [torch.randn(2, dtype=torch.float64)]
    start = teacher[0].clone()
    for student in students:
        ema_update_(teacher, [student], 0.2)
    weights = 0.2 * 0.8 ** torch.arange(8, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(teacher[0], start * 0.8**9 + (weights[:, None] * students).sum(0))


def test_momentum_one_copies_to_the_bit_whatever_the_type():
    student = [torch.randn(5) * 1e-8, torch.arange(3), torch.tensor(True)]
    teacher = [torch.randn(5) * 1e8, torch.zeros(3, dtype=torch.long), torch.tensor(False)]
    ema_update_(teacher, student, 1)
    assert all(torch.equal(a, b) for a, b in zip(teacher, student, strict=True))
