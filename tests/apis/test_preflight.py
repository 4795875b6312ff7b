"""What is refused before a model is built."""

import pytest
import torch
from mmengine.config import Config

from mmuda.apis import UserError, check_data_roots, check_pretrained, check_schedule
from mmuda.apis.preflight import check_start


def schedule(max_iters):
    return Config(
        dict(
            train_cfg=dict(max_iters=max_iters),
            param_scheduler=[
                dict(type='LinearLR', by_epoch=False, begin=0, end=150),
                dict(type='PolyLR', by_epoch=False, begin=150),
            ],
        )
    )


def test_a_schedule_that_begins_after_the_end():
    check_schedule(schedule(151))
    config = schedule(100)
    config.param_scheduler[0].end = 20
    with pytest.raises(
        UserError,
        match=r'param_scheduler\[1\] \(PolyLR\) begins at iteration 150, but training ends at '
        r'train_cfg\.max_iters=100: .*WarmupPolyLR',
    ):
        check_schedule(config)


@pytest.mark.parametrize('begin, end', [(0, 150), (0, 1), (99, 100)])
def test_a_warm_up_that_never_reaches_the_full_rate(begin, end):
    config = schedule(100)
    config.param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=begin, end=end)]
    with pytest.raises(UserError, match=rf'\(LinearLR\) warms up from iteration {begin} to {end}.* never reaches'):
        check_schedule(config)
    config.param_scheduler[0].update(start_factor=1.0, end_factor=0.5)  # it falls
    check_schedule(config)


def test_epochs_and_single_schedulers_are_left_alone():
    check_schedule(Config(dict(train_cfg=dict(max_epochs=3), param_scheduler=dict(type='StepLR', begin=10))))
    check_schedule(Config(dict(train_cfg=dict(max_iters=3))))


@pytest.mark.parametrize('kind', ['PolyLR', 'mmuda.WarmupPolyLR', 'EpochCosineLR', 'mmuda.InverseDecayLR'])
def test_a_scheduler_of_epochs_would_never_change_a_rate_of_steps(kind):
    config = Config(dict(train_cfg=dict(max_iters=3), param_scheduler=dict(type=kind)))
    with pytest.raises(UserError, match=rf'param_scheduler\[0\] \({kind}\) counts epochs .*: set its by_epoch=False'):
        check_schedule(config)


@pytest.mark.parametrize('scheduler', ['PolyLR', dict(by_epoch=False, begin=0)])
def test_a_scheduler_without_a_type_is_named(scheduler):
    with pytest.raises(UserError, match=r'param_scheduler\[0\]=.* has no type'):
        check_schedule(Config(dict(train_cfg=dict(max_iters=3), param_scheduler=[scheduler])))


def test_missing_pretrained_weights_are_found_at_any_depth(tmp_path):
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'here.pth')
    model = dict(
        student=dict(
            backbone=dict(init_cfg=dict(checkpoint=str(tmp_path / 'here.pth'))),
            neck=dict(init_cfg=[dict(type='Normal')]),
            head=dict(init_cfg=None),
        )
    )
    check_pretrained(Config(dict(model=model)))
    model['student']['backbone']['init_cfg']['checkpoint'] = 'gone.pth'
    with pytest.raises(UserError, match=r'pretrained weights gone\.pth does not exist: .*model_converters'):
        check_pretrained(Config(dict(model=model)))
    model['student']['backbone']['init_cfg']['checkpoint'] = 'https://example.org/net.pth'
    check_pretrained(Config(dict(model=model)))


def test_a_start_that_is_missing_or_cannot_be_resumed(tmp_path):
    check_start(Config(dict(load_from=None)), 'load_from')
    check_start(Config(dict(load_from='https://example.org/net.pth')), 'load_from')
    with pytest.raises(UserError, match=r'checkpoint gone\.pth does not exist: check --resume'):
        check_start(Config(dict(load_from='gone.pth')), '--resume')
    path = str(tmp_path / 'net.pth')
    torch.save(dict(state_dict=dict(a=torch.zeros(1)), meta=dict(iter=3, epoch=0)), path)
    check_start(Config(dict(load_from=path)), 'load_from')
    with pytest.raises(UserError, match=r'no state that .* \(it lacks message_hub\): start .* load_from='):
        check_start(Config(dict(load_from=path, resume=True)), '--resume')


def test_data_roots_of_the_modes_asked_for(tmp_path):
    cfg = Config(
        dict(
            train_dataloader=dict(
                dataset=dict(source=dict(data_root=str(tmp_path)), target=[dict(data_root='nowhere')])
            ),
            test_dataloader=dict(dataset=dict(data_root=str(tmp_path))),
        )
    )
    check_data_roots(cfg, 'test', 'val')
    with pytest.raises(ValueError, match=r"'nowhere' does not exist.*MMUDA_DATA"):
        check_data_roots(cfg, 'train')
