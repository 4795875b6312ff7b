"""ACDA for segmentation: images across layers, classes of images in the same layer."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip('mmcv')

from mmuda.functional import contrastive_domain_discrepancy, multi_kernel_mmd
from mmuda.models.terms import ACDA, SegmentationACDA
from mmuda.models.uda import SelfTrainingUDA
from mmuda.models.views import View

STEP = torch.tensor(0)


def term(**options):
    defaults = dict(same_taps=('head',), channels=2, size=2, norm_cfg=None)
    return SegmentationACDA(('a', 'b'), (3, 5), **defaults | options).double()


@pytest.fixture
def views():
    """3 source and 2 target images, features of 4 channels on 4×6 cells, label maps of 8×12, 3 classes."""
    domains = []
    for count in (3, 2):
        shapes = dict(a=(3, 8, 12), b=(5, 4, 6), head=(4, 4, 6))
        features = {k: torch.randn(count, *v, dtype=torch.float64, requires_grad=True) for k, v in shapes.items()}
        label = torch.randint(0, 3, (count, 8, 12))
        label[0][label[0] == 1] = 255
        logits = torch.randn(count, 3, 4, 6, dtype=torch.float64, requires_grad=True)
        domains.append(View(torch.zeros(count, 3, 8, 12), features, logits, label if count == 3 else None))
    return tuple(domains)


def class_means(features, label):
    """Vectors and classes of those that each image shows; every cell is 2×2 pixels of the label, or one."""
    scale = label.shape[1] // features.shape[2]
    fine = features.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    found = [
        (image[:, classes == k].mean(1), k)
        for image, classes in zip(fine, label)
        for k in range(3)
        if (classes == k).any()
    ]
    return torch.stack([vector for vector, _ in found]), torch.tensor([k for _, k in found])


@pytest.mark.parametrize('condition, key', [('intra', 'intra'), ('cdd', 'cdd')])
@pytest.mark.parametrize('given', [False, True])
def test_the_same_layer_part_is_class_by_class(views, condition, key, given):
    source, target = views
    if given:
        target = replace(target, label=torch.randint(0, 3, (2, 8, 12)))
    label = target.label if given else target.logits.argmax(1)
    s, s_class = class_means(source.features['head'], source.label)
    t, t_class = class_means(target.features['head'], label)
    assert len(s) == 8
    result = term(condition=condition, given_labels=given)(source, target, STEP)
    torch.testing.assert_close(result['same'], contrastive_domain_discrepancy(s, t, s_class, t_class)[key])
    result['loss'].backward()
    assert all(view.features[tap].grad.abs().sum() > 0 for view in views for tap in ('a', 'b', 'head'))
    assert target.logits.grad is None


def test_across_layers_images_are_compared_as_in_classification(views):
    module = term(delta=1)
    plain = ACDA(('a', 'b'), (3, 5), delta=1, channels=2, size=2, norm_cfg=None).double()
    plain.load_state_dict(module.state_dict())
    assert module(*views, STEP)['loss'] == plain(*views, STEP)['loss'] > 0


def test_without_a_condition_images_are_compared(views):
    means = [view.features['head'].mean((2, 3)) for view in views]
    torch.testing.assert_close(term(condition='none')(*views, STEP)['same'], multi_kernel_mmd(*means))


def test_probabilities_may_be_what_is_pooled(views):
    source, target = views
    s, t = (class_means(v.logits.softmax(1), y) for v, y in ((source, source.label), (target, target.logits.argmax(1))))
    found = term(delta=0, same_taps=('probs',), loss_weight=1)(source, target, STEP)['loss']
    torch.testing.assert_close(found, contrastive_domain_discrepancy(s[0], t[0], s[1], t[1])['intra'])


def test_vectors_are_refused(views):
    source, target = views
    for view in views:
        view.features['head'] = view.features['head'].mean((2, 3))
    with pytest.raises(ValueError, match=r"pools pixels by class, but 'head' gives \[4\] a sample: tap a feature map"):
        term()(source, target, STEP)


def test_it_trains_with_a_teacher(tiny_student, domain_batch):
    cfg = dict(
        type='SegmentationACDA',
        taps=('backbone.0', 'backbone.3'),
        in_channels=(8, 32),
        same_taps=('decode_head.fusion_conv.activate',),
        channels=4,
        size=2,
    )
    model = SelfTrainingUDA('segmentation', tiny_student(), terms=dict(acda=cfg), teacher='fixed').train()
    losses = model(**model.data_preprocessor(domain_batch('stst'), training=True), mode='loss')
    assert losses['loss_acda'] > 0
    losses['loss_acda'].backward()
    assert all(p.grad.abs().sum() > 0 for p in model.terms.parameters())
    assert model.student.backbone.layers[0][0].projection.weight.grad.abs().sum() > 0
