"""Few groups, trainable parameters only, mmengine's rules."""

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch import nn

import mmuda.engine  # noqa: F401


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = nn.ModuleDict(
            dict(
                backbone=nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)),
                decode_head=nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)),
            )
        )
        self.teacher = nn.Linear(2, 2).requires_grad_(False)


def groups(**paramwise):
    cfg = dict(constructor='mmuda.UDAOptimWrapperConstructor', optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1))
    model = Model()
    return model, build_optim_wrapper(
        model, cfg | (dict(paramwise_cfg=paramwise) if paramwise else {})
    ).optimizer.param_groups


def test_rules_hold_and_equal_settings_share_a_group():
    model, found = groups(custom_keys=dict(decode_head=dict(lr_mult=10.0)), norm_decay_mult=0.0)
    settings = {tuple(id(p) for p in group['params']): (group['lr'], group['weight_decay']) for group in found}
    backbone, head = (list(part.parameters()) for part in (model.student['backbone'], model.student['decode_head']))
    assert settings == {
        tuple(map(id, backbone[:2])): (1.0, 0.1),
        tuple(map(id, backbone[2:])): (1.0, 0.0),
        tuple(map(id, head)): (10.0, 0.1),
    }


def test_without_rules_there_is_one_group_without_the_teacher():
    model, found = groups()
    assert len(found) == 1
    assert [id(p) for p in found[0]['params']] == [id(p) for p in model.student.parameters()]


def test_no_log_line_per_parameter_and_no_other_one_lost():
    logger, lines = MMLogger.get_current_instance(), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    try:
        before = list(logger.filters)
        model = Model()
        model.student['backbone'][0].bias.requires_grad_(False)  # mmengine tells that it skips this one
        cfg = dict(constructor='mmuda.UDAOptimWrapperConstructor', optimizer=dict(type='AdamW', lr=1.0))
        build_optim_wrapper(model, cfg | dict(paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))))
        logger.info('paramwise_options -- of someone else, later')
    finally:
        logger.removeHandler(handler)
    assert [line for line in lines if 'student' in line or 'paramwise' in line] == [
        'student.backbone.0.bias is skipped since its requires_grad=False',
        'paramwise_options -- of someone else, later',
    ]
    assert logger.filters == before


@pytest.mark.parametrize('fused', [False, True])
def test_a_step_equals_the_one_of_ungrouped_adamw(fused):
    torch.manual_seed(0)
    model, twin = Model(), Model()
    twin.load_state_dict(model.state_dict())
    stock = torch.optim.AdamW(twin.student.parameters(), lr=0.1, weight_decay=0.1)
    cfg = dict(
        constructor='mmuda.UDAOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.1, fused=fused),
    )
    ours = build_optim_wrapper(model, cfg)
    for net in (model, twin):
        sum((p**2).sum() for p in net.student.parameters()).backward()
    ours.step()
    stock.step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)
