"""Hard labels, borders and the confidence weight."""

import pytest
import torch

from mmuda.models.labellers import TeacherLabels
from mmuda.models.views import View, counted

ROWS = dict(ignore_top=1, ignore_bottom=1)


def test_labels_are_the_argmax_and_everything_counts_by_default():
    logits = torch.randn(2, 3, 4, 5, requires_grad=True)
    target = View(torch.randn(2, 3, 4, 5))
    found, log = TeacherLabels()(dict(target=target), lambda network, views: logits)
    assert torch.equal(found['target'].label, logits.argmax(1))
    assert found['target'].weight is None
    assert found['target'].inputs is target.inputs
    assert not found['target'].label.requires_grad
    assert log == {}


def test_borders_and_padding_do_not_count():
    padded = torch.ones(2, 6, 5, dtype=torch.bool)
    padded[:, :, 4] = False
    label, _ = TeacherLabels(ignore_top=1, ignore_bottom=2).label(torch.randn(2, 3, 6, 5), padded)
    valid = counted(label)
    assert valid.any(2)[0].tolist() == [False, True, True, True, False, False]
    assert valid.any(1)[0].tolist() == [True, True, True, True, False]
    assert padded.sum() == 48  # the caller's map is untouched
    with pytest.raises(ValueError, match=r'ignores 4 \+ 2 rows of a crop that is only 6 pixels high'):
        TeacherLabels(ignore_top=4, ignore_bottom=2).label(torch.randn(1, 3, 6, 5))


def test_confidence_is_a_share_of_sure_valid_pixels_or_one_weight_a_pixel():
    probability = torch.tensor([[0.99, 0.90], [0.97, 0.5]])  # image 1; image 2 is unsure everywhere
    first = torch.stack((probability, 1 - probability)).log()
    logits = torch.stack((first, torch.zeros(2, 2, 2)))
    valid = torch.ones(2, 2, 2, dtype=torch.bool)
    valid[0, 1, 1] = False
    image, share, pixel = (TeacherLabels(confidence=name, threshold=0.968) for name in ('image', 'share', 'pixel'))
    assert image.label(logits, valid)[1].tolist() == pytest.approx([2 / 3, 0])
    assert image.label(logits)[1].tolist() == pytest.approx([0.5, 0])
    assert share.label(logits, valid)[1].tolist() == pytest.approx([2 / 7, 2 / 7])
    assert pixel.label(logits, valid)[1].tolist() == [[[1, 0], [1, 0]], [[0, 0], [0, 0]]]


def test_the_surest_of_each_class_count_beside_the_sure():
    first = torch.tensor([[0.99, 0.98], [0.97, 0.6], [0.4, 0.3]])  # the last two are the rare class, sure of nothing
    logits = torch.stack((first, 1 - first)).log()[None]
    weight = TeacherLabels(confidence='class', threshold=0.968, drop=0.5).label(logits)[1]
    assert weight.tolist() == [[[1, 1], [1, 0], [0, 1]]]
    valid = torch.ones(1, 3, 2, dtype=torch.bool)
    valid[0, 2, 1] = False
    weight = TeacherLabels(confidence='class', threshold=0.968, drop=0.5).label(logits, valid)[1]
    assert weight.tolist() == [[[1, 1], [1, 0], [1, 0]]]


def test_the_released_share_counts_ignored_rows(segmentation_vectors):
    """Their weight is 0 there; here they have no label, which adds the same 0 to a mean over all pixels."""
    inputs, outputs = segmentation_vectors('daformer.pseudo_label_weight')
    logits = torch.tensor(inputs['teacher_logits'])
    mask = torch.tensor(inputs['valid_pseudo_mask'])[:, 0] > 0
    labels = dict(confidence='share_of_all', threshold=0.6)
    for options, valid, name in (({}, None, 'weight'), ({}, mask, 'weight_mask'), (ROWS, None, 'weight_rows')):
        label, weight = TeacherLabels(**labels, **options).label(logits, valid)
        assert torch.equal(label[counted(label)], torch.tensor(outputs['pseudo_label'])[counted(label)])
        torch.testing.assert_close(weight.view(-1, 1, 1) * counted(label), torch.tensor(outputs[name]))
    _, weight = TeacherLabels(confidence='share', threshold=0.6, **ROWS).label(logits)
    assert weight.tolist() == pytest.approx([0.75, 0.75])  # of the pixels that count


def test_whole_images_are_labelled_and_sure_or_not():
    logits = torch.tensor([[0.99, 0.01], [0.6, 0.4]]).log()
    assert TeacherLabels().label(logits)[0].tolist() == [0, 0]
    assert TeacherLabels(confidence='image').label(logits)[1].tolist() == [1, 0]
    label, weight = TeacherLabels(confidence='share').label(logits, torch.tensor([True, False]))
    assert weight.tolist() == [1, 1]
    assert counted(label).tolist() == [True, False]
    with pytest.raises(ValueError, match='one label an image: leave out ignore_top and ignore_bottom'):
        TeacherLabels(ignore_top=1).label(logits)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ignore_top=-1), 'must not be negative'),
        (dict(threshold=1.5), r'threshold=1\.5: a probability'),
        (dict(drop=1.0), r'drop=1\.0: the share that is left out'),
        (dict(confidence='batch'), "confidence='batch': use one of share, share_of_all, image, pixel, class, or None"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        TeacherLabels(**options)


@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3)], ids=['pixels', 'images'])
def test_mirrored_images_count_as_much_as_the_images(shape):
    """The mean of the probabilities, whose label may be the first choice of neither."""
    torch.manual_seed(0)
    teacher = torch.nn.Conv2d(3, 3, 3, padding=1)
    target, seen = View(torch.randn(2, 3, 4, 5)), []

    def ask(network, views):
        (view,) = views
        seen.append(view.inputs)
        logits = teacher(view.inputs)
        return logits if len(shape) == 4 else logits.mean((2, 3))

    found, _ = TeacherLabels(confidence='pixel', threshold=0.4, flip=True)(dict(target=target), ask)
    assert torch.equal(seen[1], target.inputs.flip(-1))
    plain, mirrored = (ask('', [View(inputs)]).softmax(1) for inputs in tuple(seen))
    mean = (plain + (mirrored.flip(-1) if len(shape) == 4 else mirrored)) / 2
    assert torch.equal(found['target'].label, mean.argmax(1))
    assert torch.equal(found['target'].weight, (mean.amax(1) >= 0.4).float())


def test_the_label_of_the_mean_is_not_one_of_the_two():
    views = iter(torch.tensor([[[0.45, 0.1, 0.45 - 1e-3]], [[0.05, 0.5, 0.45]]]).mT.unsqueeze(-1).log())
    found, _ = TeacherLabels(flip=True)(dict(target=View(torch.zeros(1, 3, 1, 1))), lambda *_: next(views)[None])
    assert found['target'].label.item() == 2
