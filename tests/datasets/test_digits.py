"""Digit archives: spans, channels, the label switch, and what is wrong with a file."""

import numpy as np
import pytest
import torch

from mmuda.datasets import DataError, Digits, DomainDataset, SampleIndex
from mmuda.registry import DATASETS


@pytest.fixture
def archives(tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (12, 6, 6), np.uint8)
    colour = rng.integers(0, 256, (12, 8, 8, 3), np.uint8)
    labels = np.arange(12) % 10
    np.savez(tmp_path / 'grey.npz', x=grey, y=labels.astype(np.uint8))
    np.savez(tmp_path / 'colour.npz', images=colour)
    return tmp_path, grey, colour, labels


def build(root, name='grey.npz', **options):
    return Digits(name, data_root=str(root), **options)


def test_a_span_of_images_with_their_classes(archives):
    root, grey, _, labels = archives
    dataset = build(root, span=(3, 9))
    assert len(dataset) == 6
    info = dataset[2]
    assert np.array_equal(info['img'], grey[5])
    assert (info['gt_label'], info['img_shape'], info['img_path'][-12:]) == (labels[5], (6, 6), '/grey.npz[5]')
    info['img'][:] = 0
    assert np.array_equal(dataset[2]['img'], grey[5])
    assert list(dataset.metainfo['classes']) == list('0123456789')


def test_channels_can_be_chosen(archives):
    root, grey, colour, _ = archives
    assert np.array_equal(build(root, channels=3)[1]['img'], np.stack([grey[1]] * 3, -1))
    options = dict(name='colour.npz', image_key='images', labelled=False)
    assert np.array_equal(build(root, **options)[1]['img'], colour[1][..., ::-1])  # BGR, as all loaders give
    luma = build(root, channels=1, **options)[1]['img']
    assert luma.dtype == np.uint8
    assert np.abs(luma - colour[1] @ [0.299, 0.587, 0.114]).max() <= 0.501


def test_an_unlabelled_set_needs_no_labels_and_has_none(archives):
    root, *_ = archives
    assert 'gt_label' not in build(root, 'colour.npz', image_key='images', labelled=False)[0]
    with pytest.raises(DataError, match=r"has the arrays images and no 'y': set `image_key` and `label_key`"):
        build(root, 'colour.npz', image_key='images')


@pytest.mark.parametrize('built', [False, True])
def test_as_a_target_its_labels_stay_unread(archives, built):
    pytest.importorskip('torchvision')
    root, *_ = archives
    part = dict(
        type='mmuda.Digits', ann_file='grey.npz', data_root=str(root), pipeline=[dict(type='mmpretrain.PackInputs')]
    )
    dataset = DomainDataset(part, DATASETS.build(part) if built else part)
    assert dataset.datasets[0].labelled
    assert not dataset.datasets[1].labelled
    assert ('gt_label' in dataset.get_data_info(3), 'gt_label' in dataset.get_data_info(15)) == (True, False)
    source, target = dataset[SampleIndex(3, seed=1)], dataset[SampleIndex(15, seed=1)]
    assert torch.equal(source['inputs'], target['inputs'])
    assert (source['data_samples'].gt_label.item(), target['data_samples'].gt_label.item()) == (3, -100)
    assert target['data_samples'].domain == 'target'


def test_bad_archives_are_named(archives):
    root, *_ = archives
    with pytest.raises(DataError, match=r"archive '.*none\.npz' does not exist.*MMUDA_DATA"):
        build(root, 'none.npz')
    with pytest.raises(DataError, match=r"data root '.*nowhere' does not exist"):
        build(root / 'nowhere')
    for span in ((0, 13), (5, 5), (-1, 3)):
        with pytest.raises(DataError, match=r'span=.* within the 12 images'):
            build(root, span=span)
    whole = (root / 'grey.npz').read_bytes()
    (root / 'half.npz').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.npz' is no complete archive"):
        build(root, 'half.npz')


@pytest.mark.parametrize(
    'name, keys, count, size',
    [
        ('mnist_t10k.npz', ('x', 'y'), 10000, (28, 28)),
        ('usps.npz', ('x_train', 'y_train'), 7291, (16, 16)),
        ('usps.npz', ('x_test', 'y_test'), 2007, (16, 16)),
        ('mnist_m_test9001.npz', ('x', 'y'), 9001, (32, 32, 3)),
    ],
)
def test_the_real_archives(data_root, name, keys, count, size):
    dataset = build(data_root / 'digits', name, image_key=keys[0], label_key=keys[1])
    assert (len(dataset), dataset[7]['img'].shape) == (count, size)
    assert {dataset[i]['gt_label'] for i in range(100)} == set(range(10))


def test_mnist_m_shows_mnists_digits(data_root):
    """The reason for the spans of configs/_base_/datasets/mnist2mnistm.py."""
    sets = [build(data_root / 'digits', name) for name in ('mnist_t10k.npz', 'mnist_m_test9001.npz')]
    assert all(sets[0][i]['gt_label'] == sets[1][i]['gt_label'] for i in range(0, 9001, 100))
