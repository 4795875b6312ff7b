"""JAN against its formula, typed again in float64 with the released code's kernels."""

import pytest
import torch

from mmuda.models.terms import DAN, JAN


def kernel(source, target, count, centre=None):
    joint = torch.cat((source, target)).flatten(1)
    distance = (joint[:, None] - joint).square().sum(2)
    centre = distance.detach().sum() / (len(joint) * (len(joint) - 1)) if centre is None else centre
    return sum(torch.exp(-distance / (centre * 2.0 ** (u - count // 2))) for u in range(count))


def product(views):
    source, target = views
    features = kernel(source.features['neck'][0], target.features['neck'][0], 5)
    return features * kernel(source.logits.softmax(1), target.logits.softmax(1), 1, 1.68)


def test_loss_and_gradients_are_the_released_codes(views):
    views = views(5, 3)
    joint = product(views)
    expected = joint[:5, :5].mean() + joint[5:, 5:].mean() - 2 * joint[:5, 5:].mean()
    found = JAN(reduction='sum', loss_weight=0.3)(*views, torch.tensor(0))['loss']
    torch.testing.assert_close(found, 0.3 * expected)
    leaves = [leaf for view in views for leaf in (view.features['neck'][0], view.logits)]
    for gradient, wanted in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(0.3 * expected, leaves)):
        torch.testing.assert_close(gradient, wanted)
        assert gradient.abs().sum() > 0


def test_the_linear_estimator_is_equation_10(views):
    views = views(4, 4)
    joint, expected = product(views), 0.0
    for i, j in ((0, 1), (1, 2), (2, 3), (3, 0)):
        expected = expected + joint[i, j] + joint[4 + i, 4 + j] - joint[i, 4 + j] - joint[j, 4 + i]
    found = JAN(reduction='sum', estimator='linear')(*views, torch.tensor(0))['loss']
    torch.testing.assert_close(found, expected / 4)


def test_a_blind_softmax_leaves_dan(views):
    """A layer of a bandwidth beyond all distances has the kernel 1."""
    views = views(5, 3)
    joint = JAN(bandwidths=(None, 1e9))(*views, torch.tensor(0))['loss']
    torch.testing.assert_close(joint, DAN()(*views, torch.tensor(0))['loss'])


def test_each_layer_has_its_kernels_and_bandwidth(views):
    views = views(5, 3)
    source, target = views
    joint = kernel(source.features['neck'][0], target.features['neck'][0], 2, 3.0)
    joint = joint * kernel(source.logits.softmax(1), target.logits.softmax(1), 3)
    expected = joint[:5, :5].mean() + joint[5:, 5:].mean() - 2 * joint[:5, 5:].mean()
    term = JAN(num_kernels=(2, 3), bandwidths=(3.0, None), reduction='sum')
    torch.testing.assert_close(term(*views, torch.tensor(0))['loss'], expected)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match='JAN aligns features together with predictions, but has no tap'):
        JAN(taps=())
    with pytest.raises(ValueError, match=r'JAN has 3 layers with the softmax, but num_kernels=\[5, 1\]'):
        JAN(taps=('backbone', 'neck'), num_kernels=(5, 1))
    with pytest.raises(ValueError, match=r'bandwidths=\[1.0\]: give one of each for every layer'):
        JAN(bandwidths=(1.0,))
    with pytest.raises(ValueError, match=r'bandwidths=\[None, 0\]: a bandwidth must be positive'):
        JAN(bandwidths=(None, 0))
    with pytest.raises(ValueError, match="estimator='exact'"):
        JAN(estimator='exact')
    with pytest.raises(ValueError, match='num_kernels=0'):
        JAN(num_kernels=(5, 0))
