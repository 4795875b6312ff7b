"""Every part of a model that counts classes, and every number that means "ignored"."""

import numpy as np
import pytest
import torch
from torch import nn

from mmuda import compat
from mmuda.apis import UserError
from mmuda.apis.model_check import check_ignored, check_largest_class, check_model_classes
from mmuda.models.uda import UDAModel
from mmuda.registry import MODELS

compat.apply()

CLASSES = ('road', 'car', 'sky', 'tree', 'pole')  # as many as the tiny student has


def segmentor(tiny_student, **options):
    student = tiny_student(**options)
    student['auxiliary_head'] = [
        dict(type='mmseg.FCNHead', in_channels=16, in_index=2, channels=8, num_convs=1, num_classes=5) for _ in range(2)
    ]
    return student


def of_segmentation(tiny_student, wrap):
    student = segmentor(tiny_student)
    model = UDAModel('segmentation', student) if wrap else UDAModel('segmentation', student).student
    return model, ['decode_head', 'auxiliary_head.0', 'auxiliary_head.1'], CLASSES


def of_classification(_, wrap):
    net = nn.ModuleDict(dict(head=MODELS.build(dict(type='mmpretrain.LinearClsHead', num_classes=3, in_channels=4))))
    if not wrap:
        return net, ['head'], CLASSES[:3]
    terms = nn.ModuleDict(dict(mdd=MODELS.build(dict(type='MDD', tap='neck', in_channels=4, num_classes=3))))
    return nn.ModuleDict(dict(student=net, terms=terms)), ['head', 'terms.mdd'], CLASSES[:3]


@pytest.mark.parametrize('wrap', [True, False])
@pytest.mark.parametrize('make', [of_segmentation, of_classification])
def test_every_head_and_term_has_as_many_classes_as_the_data(tiny_student, make, wrap):
    model, names, classes = make(tiny_student, wrap)
    check_model_classes(model, classes, 'the train set')
    for name in names:
        part = (model.student if wrap and 'terms' not in name else model).get_submodule(name)
        for wrong in (len(classes) - 1, len(classes) + 14):
            part.num_classes = wrong
            with pytest.raises(
                UserError, match=rf'^{name} has num_classes={wrong}, but the train set has {len(classes)} classes'
            ):
                check_model_classes(model, classes, 'the train set')
        part.num_classes = len(classes)


@pytest.mark.parametrize('kind', [list, np.array, torch.tensor])
def test_class_weights_are_one_a_class(tiny_student, kind):
    model = UDAModel('segmentation', segmentor(tiny_student))
    loss = model.student.auxiliary_head[1].loss_decode
    loss.class_weight = kind([1.0] * 5)
    check_model_classes(model, CLASSES, 'the train set')
    for wrong in (4, 6):
        loss.class_weight = kind([1.0] * wrong)
        expected = (
            rf'auxiliary_head\.1\.loss_decode \(CrossEntropyLoss\) has a class_weight of {wrong} numbers.* 5 classes'
        )
        with pytest.raises(UserError, match=expected):
            check_model_classes(model, CLASSES, 'the train set')


def test_a_term_for_some_classes_names_those_of_the_data():
    """Cityscapes' thing classes on another data set."""
    model = nn.ModuleDict(
        dict(terms=nn.ModuleDict(dict(fd=MODELS.build(dict(type='FeatureDistance', classes=[1, 4])))))
    )
    check_model_classes(model, CLASSES, 'the train set')
    with pytest.raises(
        UserError, match=r'terms\.fd \(FeatureDistance\) is for class 4, counted from 0, but .* 4 classes'
    ):
        check_model_classes(model, CLASSES[:4], 'the train set')


def test_a_head_of_masks_weighs_no_object_too():
    model = nn.ModuleDict(dict(decode_head=nn.ModuleDict(dict(loss_decode=nn.Identity()))))
    model.decode_head.loss_decode.class_weight = [1.0] * 6
    with pytest.raises(UserError, match='class_weight of 6 numbers'):
        check_model_classes(model, CLASSES, 'the train set')
    model.decode_head.match_masks = None
    check_model_classes(model, CLASSES, 'the train set')


def test_a_head_of_boundaries_has_two_classes(tiny_student):
    head = dict(type='mmseg.STDCHead', in_channels=16, in_index=2, channels=8, num_convs=1, num_classes=2)
    loss = dict(type='mmseg.CrossEntropyLoss', use_sigmoid=True)
    model = MODELS.build(tiny_student() | dict(auxiliary_head=[dict(head, boundary_threshold=0.1, loss_decode=loss)]))
    check_model_classes(model, CLASSES, 'the train set')


def test_a_backbone_may_have_classes_of_its_own():
    model = nn.ModuleDict(dict(backbone=nn.Linear(2, 2), head=nn.Linear(2, 2)))
    model.backbone.num_classes, model.head.num_classes = 1000, 5
    check_model_classes(model, CLASSES, 'the train set')


def test_numbers_without_names_have_an_output_each():
    model, *_ = of_classification(None, wrap=True)
    check_largest_class(model, 2, 'the list')
    with pytest.raises(
        UserError, match=r'^head has num_classes=3, but the list has an image of class 3.*num_classes=4'
    ):
        check_largest_class(model, 3, 'the list')


@pytest.mark.parametrize('place', ['decode_head', 'auxiliary_head.1'])
def test_padding_and_labels_are_ignored_by_every_head(tiny_student, place):
    """`ignore_index=0` with padding of 255 ends in an index error, on a GPU in an assertion of the device."""
    model = UDAModel('segmentation', segmentor(tiny_student))
    check_ignored(model, {'the training set': 255})
    head = model.student.get_submodule(place)
    head.ignore_index = 0
    with pytest.raises(
        UserError, match=rf'^{place} has ignore_index=0, but seg_pad_val of its data_preprocessor has 255'
    ):
        check_ignored(model, {})
    model.student.data_preprocessor.seg_pad_val = 0
    for other in (model.student.decode_head, *model.student.auxiliary_head):
        other.ignore_index = 0
    with pytest.raises(UserError, match=r'ignore_index=0, but the training set has 255, .*`reduce_zero_label=True`'):
        check_ignored(model.student if place == 'decode_head' else model, {'the training set': 255})
