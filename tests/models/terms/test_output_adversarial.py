"""Adversarial alignment of outputs: one backward pass has the gradients of alternating updates."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from mmuda.models.terms import OutputAdversarial
from mmuda.models.views import View


class Outputs:
    def __init__(self, main, side) -> None:
        self.main, self.side = main, side

    def logits(self, size=None):
        return self.main

    def auxiliary_logits(self, size=None):
        return (self.side,)


@pytest.fixture
def step():
    """``step(term)`` → source and target logits of both heads, and what the term returns."""

    def run(term):
        torch.manual_seed(1)
        maps = [torch.randn(2, 3, 32, 32, requires_grad=True) for _ in range(4)]
        views = [View(torch.zeros(2, 3, 32, 32), outputs=Outputs(*maps[place : place + 2])) for place in (0, 2)]
        return maps, term(*views, step=torch.tensor(0))

    return run


def build(**options) -> OutputAdversarial:
    torch.manual_seed(0)
    return OutputAdversarial(**{'num_classes': 3, 'channels': 4, **options})


@pytest.mark.parametrize('kind', ['vanilla', 'least_squares'])
@pytest.mark.parametrize('maps', ['softmax', 'self_information'])
def test_gradients_of_alternating_updates(step, maps, kind):
    """First the network through a frozen discriminator, then the discriminator on detached maps, as released."""
    term = build(maps=maps, kind=kind, loss_weight=0.1)
    (source, _, target, _), found = step(term)
    (found['loss'] + found['loss_discriminator']).backward()
    ours = target.grad.clone(), [p.grad.clone() for p in term.discriminator.parameters()]
    assert source.grad is None

    def seen(logits):
        p = logits.softmax(1)
        return p if maps == 'softmax' else -p * p.log() / torch.tensor(3.0).log()

    def says(logits, domain):
        return bce(logits, torch.full_like(logits, domain)) if kind == 'vanilla' else ((logits - domain) ** 2).mean()

    d = term.discriminator
    d.zero_grad()
    target.grad = None
    d.requires_grad_(False)
    (0.1 * says(d(seen(target)), 0.0)).backward()
    d.requires_grad_(True)
    for logits, domain in ((source, 0.0), (target, 1.0)):
        (says(d(seen(logits).detach()), domain) / 2).backward()
    torch.testing.assert_close(ours[0], target.grad, atol=1e-7, rtol=1e-4)
    torch.testing.assert_close(ours[1], [p.grad for p in d.parameters()], atol=1e-7, rtol=1e-4)


def test_each_loss_moves_its_own_side_alone(step):
    """The network's leaves the discriminators as they are, theirs leaves the network; the source learns from none."""
    term = build(auxiliary_loss_weight=0.1)
    maps, found = step(term)
    weights = list(term.parameters())
    for names, moved, still in (
        (('loss', 'loss_auxiliary'), maps[2:], [*weights, *maps[:2]]),
        (('loss_discriminator', 'loss_discriminator_auxiliary'), weights, maps),
    ):
        total = sum(found[name] for name in names)
        gradients = torch.autograd.grad(total, [*moved, *still], retain_graph=True, allow_unused=True)
        assert all(gradient.abs().sum() > 0 for gradient in gradients[: len(moved)]), names
        assert gradients[len(moved) :] == (None,) * len(still), names


def test_an_auxiliary_head_has_its_own_discriminator(step):
    term = build(auxiliary_loss_weight=0.0002)
    (_, _, target, target_side), found = step(term)
    assert set(found) == {'loss', 'loss_discriminator', 'loss_auxiliary', 'loss_discriminator_auxiliary'}
    sum(found.values()).backward()
    assert target.grad.abs().sum() > target_side.grad.abs().sum() > 0
    assert all(p.grad is not None for p in term.auxiliary.parameters())


class Student(nn.Module):
    def __init__(self, classes: int = 3, auxiliary: bool = False) -> None:
        super().__init__()
        self.decode_head = nn.Identity()
        self.decode_head.out_channels = classes
        self.auxiliary_head = nn.Identity() if auxiliary else None


@pytest.mark.parametrize(
    'options, student, sentence',
    [
        ({}, Student(19), 'num_classes=3, but the student predicts 19'),
        (dict(auxiliary_loss_weight=0.1), Student(), 'the student has 0 auxiliary heads'),
        (dict(auxiliary_loss_weight=-0.1), Student(), 'must not be negative'),
        (dict(maps='logits'), None, "maps='logits': use one of softmax, self_information"),
        (dict(kind='hinge'), None, "kind='hinge': use one of vanilla, least_squares"),
    ],
)
def test_what_is_refused(options, student, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**options).attach(student)
