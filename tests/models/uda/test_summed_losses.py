"""The total of a step and its log are mmengine's."""

import pytest
import torch
from mmengine.model import BaseModel

from mmuda.models.uda.parts import summed_losses


def test_the_total_and_the_log_are_mmengines():
    losses = dict(
        loss_source=torch.tensor(0.7, requires_grad=True),
        coordination=torch.tensor([0.2, 0.6]),
        loss_target=torch.tensor([0.1, 0.4], requires_grad=True),
        loss_extra=torch.tensor(3.0),
    )
    total, log = summed_losses(losses)
    wanted, wanted_log = BaseModel.parse_losses(None, losses)
    assert torch.equal(total, wanted)
    assert list(log) == list(wanted_log)
    assert all(torch.equal(log[name], value) for name, value in wanted_log.items())
    total.backward()
    assert losses['loss_target'].grad.tolist() == [0.5, 0.5]


def test_a_term_returns_tensors():
    with pytest.raises(TypeError, match='loss_source of a training step is a float: terms return tensors'):
        summed_losses(dict(loss_source=0.3))
