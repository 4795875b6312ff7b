"""The schedule is its closed form, for every group, through a resume and beside a warm-up."""

import pytest
import torch
from mmengine.optim import LinearLR, OptimWrapper

from mmuda.engine.schedulers import InverseDecayLR
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


def expected(step, horizon):
    return [lr * (1 + 10 * step / horizon) ** -0.75 for lr in (0.1, 1.0)]


def test_every_group_follows_the_formula():
    optimizer = make_optimizer()
    rates = run(InverseDecayLR(optimizer, end=20, by_epoch=False), optimizer, 20)
    assert rates == [pytest.approx(expected(step, 20)) for step in range(20)]


def test_a_horizon_may_lie_before_the_end():
    optimizer = make_optimizer()
    rates = run(InverseDecayLR(optimizer, horizon=5, end=20, by_epoch=False), optimizer, 20)
    assert rates[19] == pytest.approx(expected(19, 5))


def test_a_resume_goes_on():
    optimizer = make_optimizer()
    whole = run(InverseDecayLR(optimizer, end=20, by_epoch=False), optimizer, 20)
    first = make_optimizer()
    scheduler = InverseDecayLR(first, end=20, by_epoch=False)
    run(scheduler, first, 7)
    second = make_optimizer()
    again = InverseDecayLR(second, end=20, by_epoch=False)
    second.load_state_dict(first.state_dict())
    again.load_state_dict(scheduler.state_dict())
    assert run(again, second, 13) == whole[7:]


def test_it_multiplies_with_a_warm_up():
    optimizer = make_optimizer()
    schedulers = [
        LinearLR(optimizer, start_factor=0.5, end=4, by_epoch=False),
        InverseDecayLR(optimizer, end=20, by_epoch=False),
    ]
    for _ in range(10):
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert [group['lr'] for group in optimizer.param_groups] == pytest.approx(expected(10, 20))


def test_it_is_found_by_name_and_checks_its_arguments():
    wrapper = OptimWrapper(make_optimizer())
    assert PARAM_SCHEDULERS.build(dict(type='mmuda.InverseDecayLR', optimizer=wrapper, end=9)).horizon == 9
    with pytest.raises(ValueError, match=r'alpha=-1.*horizon=9'):
        InverseDecayLR(make_optimizer(), alpha=-1, end=9)
    with pytest.raises(ValueError, match='horizon=0'):
        InverseDecayLR(make_optimizer(), horizon=0)
    with pytest.raises(ValueError, match='neither horizon nor end'):
        InverseDecayLR(make_optimizer(), by_epoch=False)
