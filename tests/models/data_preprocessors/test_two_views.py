"""Weak views are the inputs, strong ones come beside them in the same order, both normalised by the student's own."""

import copy

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmpretrain.models.utils import ClsDataPreprocessor

from mmuda.models.data_preprocessors import DomainDataPreprocessor, TwoViewDataPreprocessor


@pytest.fixture
def host():
    return ClsDataPreprocessor(mean=[10.0, 20.0, 30.0], std=[2.0, 3.0, 4.0], to_rgb=True)


def normalise(host, images):
    """One at a time, as mmpretrain does with images of several sizes."""
    return host(dict(inputs=images), training=True)['inputs']


@pytest.mark.parametrize('include_source', [False, True])
def test_views_are_sorted_and_normalised_like_the_inputs(host, view_batch, include_source):
    batch = view_batch('tsts')
    views = [batch['data_samples'][i].strong_view for i in (1, 3, 0, 2)]
    plain = DomainDataPreprocessor(host)(copy.deepcopy(batch), training=True)
    data = TwoViewDataPreprocessor(host, include_source)(batch, training=True)
    assert set(data) == {'inputs', 'data_samples', 'layout', 'strong'}
    assert torch.equal(data['inputs'], plain['inputs'])
    assert torch.equal(data['strong'], normalise(host, views[0 if include_source else 2 :]))
    assert [sample.img_path for sample in data['data_samples']] == ['s1.png', 's3.png', 't0.png', 't2.png']
    assert torch.equal(batch['data_samples'][1].strong_view, views[0])  # a batch may be prepared again
    assert (data['layout'].num_source, data['layout'].num_target) == (2, 2)


def test_images_of_several_sizes_are_padded_together(host, view_batch):
    small, large = view_batch('st', 6), view_batch('st', 8)
    batch = {key: [small[key][0], large[key][1]] for key in small}
    image = batch['inputs'][0]
    data = TwoViewDataPreprocessor(host)(batch, training=True)
    assert (data['inputs'].shape, data['strong'].shape) == ((2, 3, 8, 8), (1, 3, 8, 8))
    assert torch.equal(data['inputs'][:1, :, :6, :6], normalise(host, [image]))


def test_evaluation_is_the_hosts(host, class_batch):
    batch = class_batch('tt')
    expected = normalise(host, batch['inputs'])
    data = TwoViewDataPreprocessor(host)(batch)
    assert torch.equal(data['inputs'], expected)
    assert set(data) == {'inputs', 'data_samples'}


def test_a_missing_view_is_one_sentence(host, view_batch):
    batch = view_batch('stt')
    del batch['data_samples'][0].strong_view
    TwoViewDataPreprocessor(host)(copy.deepcopy(batch), training=True)
    with pytest.raises(ValueError, match=r's0\.png \(source\) has no strong view: end that domain'):
        TwoViewDataPreprocessor(host, include_source=True)(copy.deepcopy(batch), training=True)
    del batch['data_samples'][1].strong_view
    with pytest.raises(ValueError, match=r't1\.png \(target\) has no strong view.*mmuda\.TwoViews'):
        TwoViewDataPreprocessor(host)(batch, training=True)
