"""The loss by pseudo-labels of several views, whatever each is weighed by."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F

pytest.importorskip('mmseg')

from mmuda.models.tasks.base import Outputs, build_task
from mmuda.models.tasks.segmentation import SegmentationOutputs
from mmuda.models.terms import PseudoLabelLoss
from mmuda.models.views import View

SIZE = (6, 5)
WEIGHTS = dict(none=lambda n: None, images=torch.rand, places=lambda n: torch.rand(n, *SIZE))


@pytest.fixture
def view(tiny_student):
    """A view of n images whose logits have the labels' size; one image has no label at all."""
    task = build_task('segmentation')
    net = task.build(tiny_student())

    def made(n: int, weight: torch.Tensor | None) -> View:
        logits = torch.randn(n, task.num_classes(net), *SIZE, requires_grad=True)
        label = torch.randint(task.num_classes(net), (n, *SIZE)).masked_fill(torch.rand(n, *SIZE) < 0.3, 255)
        label[0] = 255
        outputs = Outputs(task, net, SegmentationOutputs(logits))
        return View(torch.rand(n, 3, *SIZE), label=label, weight=weight, outputs=outputs, logits=logits)

    return made


def typed(views, reduction):
    """Each image's weighted sum over its places, over their number or that of those that count."""
    images = []
    for v in views:
        loss = F.cross_entropy(v.logits, v.label, reduction='none', ignore_index=255)
        for number, image in enumerate(loss):
            weight = 1 if v.weight is None else v.weight[number]
            count = image.numel() if reduction == 'all' else max(1, int((v.label[number] != 255).sum()))
            images.append((weight * image).sum() / count)
    return sum(images) / len(images)


@pytest.mark.parametrize('reduction', ['valid', 'all'])
@pytest.mark.parametrize(('first', 'second'), [*product(WEIGHTS, WEIGHTS)])
def test_views_of_any_weights_are_averaged_together(view, first, second, reduction):
    views = view(2, WEIGHTS[first](2)), view(3, WEIGHTS[second](3))
    loss = PseudoLabelLoss(view=('mixed', 'masked'), reduction=reduction)(*views, step=torch.tensor(0))['loss']
    expected = typed(views, reduction)
    torch.testing.assert_close(loss, expected)
    logits = [v.logits for v in views]
    torch.testing.assert_close(torch.autograd.grad(loss, logits), torch.autograd.grad(expected, logits))
