"""Stairs of a cosine: torch's schedule stepped once an epoch, through a resume and beside a warm-up."""

import math

import pytest
import torch
from mmengine.optim import LinearLR, OptimWrapper
from torch.optim.lr_scheduler import CosineAnnealingLR

from mmuda.engine.schedulers import EpochCosineLR
from mmuda.registry import PARAM_SCHEDULERS


def make_optimizer():
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    return torch.optim.SGD([dict(params=parameters[:1], lr=0.1), dict(params=parameters[1:], lr=1.0)], lr=0.1)


def run(scheduler, optimizer, steps):
    rates = []
    for _ in range(steps):
        rates.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize('eta_min', [0.0, 0.02])
def test_it_is_torchs_cosine_stepped_at_the_end_of_each_epoch(eta_min):
    optimizer, reference = make_optimizer(), make_optimizer()
    rates = run(EpochCosineLR(optimizer, epochs=5, eta_min=eta_min, end=35, by_epoch=False), optimizer, 35)
    per_epoch = run(CosineAnnealingLR(reference, T_max=5, eta_min=eta_min), reference, 5)
    assert rates == [pytest.approx(per_epoch[step // 7]) for step in range(35)]


def test_stairs_need_not_divide_the_steps():
    optimizer = make_optimizer()
    rates = [rate for rate, _ in run(EpochCosineLR(optimizer, epochs=3, end=10, by_epoch=False), optimizer, 10)]
    stairs = [0.1 * (1 + math.cos(math.pi * epoch / 3)) / 2 for epoch in range(3)]
    assert rates == pytest.approx([stairs[0]] * 4 + [stairs[1]] * 3 + [stairs[2]] * 3)


def test_a_short_run_changes_with_every_step():
    optimizer = make_optimizer()
    rates = [rate for rate, _ in run(EpochCosineLR(optimizer, epochs=50, end=5, by_epoch=False), optimizer, 5)]
    assert rates == pytest.approx([0.1 * (1 + math.cos(math.pi * step / 5)) / 2 for step in range(5)])


def test_a_resume_goes_on():
    optimizer = make_optimizer()
    whole = run(EpochCosineLR(optimizer, epochs=6, end=20, by_epoch=False), optimizer, 20)
    first = make_optimizer()
    scheduler = EpochCosineLR(first, epochs=6, end=20, by_epoch=False)
    run(scheduler, first, 7)
    second = make_optimizer()
    again = EpochCosineLR(second, epochs=6, end=20, by_epoch=False)
    second.load_state_dict(first.state_dict())
    again.load_state_dict(scheduler.state_dict())
    assert run(again, second, 13) == whole[7:]


def test_it_multiplies_with_a_warm_up():
    optimizer = make_optimizer()
    schedulers = [
        LinearLR(optimizer, start_factor=0.5, end=4, by_epoch=False),
        EpochCosineLR(optimizer, epochs=4, end=20, by_epoch=False),
    ]
    for _ in range(10):
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert optimizer.param_groups[1]['lr'] == pytest.approx((1 + math.cos(math.pi / 2)) / 2)


def test_it_is_found_by_name_and_checks_its_arguments():
    wrapper = OptimWrapper(make_optimizer())
    scheduler = PARAM_SCHEDULERS.build(dict(type='mmuda.EpochCosineLR', optimizer=wrapper, epochs=3, end=9))
    assert scheduler.horizon == 9
    with pytest.raises(ValueError, match='epochs=0: a training has 1 or more'):
        EpochCosineLR(make_optimizer(), epochs=0, end=9)
