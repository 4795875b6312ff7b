"""ClassMix and CutMix: images, labels and weights are mixed by one mask, and nobody waits for it."""

from dataclasses import replace

import pytest
import torch

from mmuda.models.views import ClassMix, CutMix, Normalization, View

NORM = Normalization(torch.zeros(3, 1, 1), torch.ones(3, 1, 1))


def views(weight=None, num_source=2, num_target=2):
    """Source images are positive, target images negative; labels of the target are 90 and more."""
    label = torch.randint(0, 6, (num_source, 2, 3)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    source = View(1 + torch.rand(num_source, 3, 8, 12), label=label, domain='source')
    pseudo = torch.randint(90, 96, (num_target, 8, 12))
    return dict(source=source, target=View(-1 - torch.rand(num_target, 3, 8, 12), label=pseudo, weight=weight))


@pytest.mark.parametrize('weight', [None, torch.tensor([0.25, 0.5]), torch.full((2, 8, 12), 0.25)])
@pytest.mark.parametrize('classes_from', ['image', 'batch'])
def test_one_mask_mixes_everything(classes_from, weight):
    given = views(weight)
    made = ClassMix(classes_from)(given, NORM)
    pasted = (made.inputs > 0).all(1)
    assert made.domain == 'target'
    for image in range(2):
        source, mask = given['source'], pasted[image]
        assert torch.equal(made.inputs[image][:, mask], source.inputs[image][:, mask])
        assert torch.equal(made.inputs[image][:, ~mask], given['target'].inputs[image][:, ~mask])
        assert torch.equal(made.label[image][mask], source.label[image][mask])
        assert torch.equal(made.label[image] < 90, mask)
        assert (made.weight[image][mask] == 1).all()
        left = 1.0 if weight is None else weight[image].flatten()[0]
        assert (made.weight[image][~mask] == left).all()
        classes = source.label[image].unique()
        whole = [bool(mask[source.label[image] == k].all()) for k in classes]
        assert whole == [bool(mask[source.label[image] == k].any()) for k in classes]
        if classes_from == 'image':
            assert sum(whole) == (len(classes) + 1) // 2


@pytest.fixture
def draw(monkeypatch):
    """``draw(chosen)`` → makers draw these values of the labels, one list an image."""

    def fix(chosen):
        table = torch.zeros(len(chosen), 256)
        for row, values in zip(table, chosen, strict=True):
            row[values] = 0.5
        monkeypatch.setattr(torch, 'rand', lambda *size, **_: table)

    return fix


def test_the_released_draw_of_dacs(segmentation_vectors, draw):
    """Image, label and weight of one mask: a pasted pixel weighs 1, also where the source has no label."""
    inputs, outputs = segmentation_vectors('dacs.classmix')
    images = torch.tensor(inputs['images_source_then_target'])
    label, pseudo = (torch.tensor(inputs[name])[None] for name in ('source_label', 'target_pseudo_label'))
    draw([outputs['chosen']])
    given = dict(
        source=View(images[:1], label=label), target=View(images[1:], label=pseudo, weight=torch.tensor([0.7]))
    )
    made = ClassMix('image')(given, NORM)
    mask = torch.tensor(outputs['mask']).bool()
    torch.testing.assert_close(made.inputs, torch.tensor(outputs['mixed_image']))
    assert torch.equal(made.label, torch.tensor(outputs['mixed_label']))
    assert torch.equal(made.weight, torch.where(mask, 1.0, torch.tensor(0.7)))


def test_the_released_draw_of_daformer(segmentation_vectors, draw):
    inputs, outputs = segmentation_vectors('daformer.get_class_masks')
    draw(outputs['chosen'])
    mask = ClassMix('batch').mask(torch.tensor(inputs['labels'])[:, 0])
    assert torch.equal(mask, torch.tensor(outputs['masks'])[:, 0].bool())


def test_an_image_without_a_drawn_class_stays_the_target(draw):
    """Only where the classes are the batch's: half of those of an image are never none."""
    label = torch.tensor([0, 1, 2, 3]).repeat_interleave(24).view(2, 6, 8)  # no class in both images
    images = {name: View(torch.randn(2, 3, 6, 8), label=label, weight=torch.rand(2)) for name in ('source', 'target')}
    images['target'] = replace(images['target'], label=label + 90)
    draw([[0, 1], [0, 1]])
    made, target = ClassMix('batch')(images, NORM), images['target']
    assert torch.equal(made.inputs[0], images['source'].inputs[0])
    assert torch.equal(made.inputs[1], target.inputs[1])
    assert torch.equal(made.label[1], target.label[1])
    assert (made.weight[1] == target.weight[1]).all()


def test_a_box_mixes_everything():
    given = views(torch.tensor([0.25, 0.5]))
    made = CutMix(area=0.5)(given, NORM)
    pasted = (made.inputs > 0).all(1)
    assert torch.equal(pasted, made.label < 90)
    assert torch.equal(pasted, made.weight == 1)
    assert pasted.float().mean((1, 2)) == pytest.approx(0.5, abs=0.15)
    assert not torch.equal(pasted[0], pasted[1])


def test_unequal_domains_go_round():
    given = views(num_source=2, num_target=3)
    made = ClassMix()(given, NORM)
    pasted = (made.inputs[2] > 0).all(0)
    assert pasted.any()
    assert torch.equal(made.inputs[2][:, pasted], given['source'].inputs[0][:, pasted])


@pytest.mark.parametrize('maker', [ClassMix(), CutMix()], ids=['ClassMix', 'CutMix'])
def test_the_host_reads_nothing(monkeypatch, maker):
    given, reads = views(), []
    for name in ('item', 'tolist', '__bool__', '__int__', '__float__', 'nonzero', 'unique'):
        read = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda *args, name=name, read=read: reads.append(name) or read(*args))
    maker(given, NORM)
    assert reads == []
    assert torch.ones(1).item() == 1
    assert reads == ['item']


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="classes_from='set': use one of image, batch"):
        ClassMix('set')
    with pytest.raises(ValueError, match="rounding='up': use one of ceil, floor"):
        ClassMix(rounding='up')
    with pytest.raises(ValueError, match=r'area=1\.0: a box covers a share'):
        CutMix(area=1.0)
    given = {name: View(torch.zeros(2, 3, 4, 4), label=torch.zeros(2).long()) for name in ('source', 'target')}
    with pytest.raises(ValueError, match='an image has one label here'):
        ClassMix()(given, NORM)
