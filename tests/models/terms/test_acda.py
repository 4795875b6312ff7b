"""ACDA's term against Eqs. 3–8 typed again; labels, weights, what it builds, and how it trains."""

import itertools
import math

import pytest
import torch
from mmengine.config import Config

pytest.importorskip('mmcv')

from mmuda.functional import contrastive_domain_discrepancy, multi_kernel_mmd
from mmuda.models.terms import ACDA
from mmuda.models.terms.acda import _named
from mmuda.models.uda import UDAModel
from mmuda.models.views import View
from mmuda.registry import MODELS, build_own

STEP = torch.tensor(0)
TAPS, CHANNELS = ('a', 'b'), (3, 5)


def term(**options):
    return ACDA(TAPS, CHANNELS, **dict(channels=2, size=2, norm_cfg=None) | options).double()


@pytest.fixture
def views():
    """5 source and 4 target samples: maps of two layers, a vector behind the neck, scores of 3 classes."""

    def make(target_label=None, dtype=torch.float64):
        domains = []
        for count, label in ((5, torch.tensor([0, 1, 2, 0, 1])), (4, target_label)):
            maps = dict(a=torch.randn(count, 3, 4, 4), b=(torch.randn(count, 5, 2, 3),), neck=(torch.randn(count, 4),))
            features = {
                name: (x[0].to(dtype).requires_grad_(),) if isinstance(x, tuple) else x.to(dtype).requires_grad_()
                for name, x in maps.items()
            }
            logits = torch.randn(count, 3, dtype=dtype, requires_grad=True)
            domains.append(View(torch.zeros(count, 3, 8, 8, dtype=dtype), features, logits, label))
        return tuple(domains)

    return make


def softmax(row):
    total = sum(math.exp(x) for x in row)
    return [math.exp(x) / total for x in row]


def projected(module, source, target):
    """Eq. 2: ``[l^s], [l^t]``."""
    pick = [lambda f: f['a'], lambda f: f['b'][0]]
    return [
        [p(get(view.features)) for p, get in zip(projections, pick)]
        for projections, view in ((module.source_projections, source), (module.target_projections, target))
    ]


def weights(target_maps, source_maps):
    """Eq. 4 with its matrices, over all pairs of samples."""
    parts = []
    for order in ((lambda a, b: a @ b.T), (lambda a, b: a.T @ b)):
        similarity = [
            [
                sum(order(x.flatten(1), y.flatten(1)).mean() for x in t for y in s) / (len(t) * len(s))
                for s in source_maps
            ]
            for t in target_maps
        ]
        parts.append([softmax([x.item() for x in row]) for row in similarity])
    return [[(x + y) / 2 for x, y in zip(*rows)] for rows in zip(*parts)]


LABEL = torch.tensor([2, 0, -1, 0])


@pytest.mark.parametrize('condition', ['none', 'intra', 'cdd'])
def test_the_loss_is_eqs_2_to_8(views, condition):
    module, (source, target) = term(condition=condition, delta=0.6, loss_weight=0.5), views(LABEL)

    def dist(s, t):
        if condition == 'none':
            return multi_kernel_mmd(s, t)
        found = contrastive_domain_discrepancy(s, t, source.label, LABEL)
        return found['intra'] if condition == 'intra' else found['cdd']

    source_maps, target_maps = projected(module, source, target)
    w = weights(target_maps, source_maps)
    cross = sum(w[i][j] * dist(source_maps[j], target_maps[i]) for i in range(2) for j in range(2))
    same = dist(source.features['neck'][0], target.features['neck'][0])
    result = module(source, target, STEP)
    torch.testing.assert_close(result['loss'], 0.5 * (0.6 * cross + 0.4 * same))
    torch.testing.assert_close(result['cross'], cross)
    torch.testing.assert_close(result['same'], same)
    for i, j in itertools.product(range(2), range(2)):
        assert result[f'w_{i + 1}_{j + 1}'].item() == pytest.approx(w[i][j])
    assert ('labelled' in result) == (condition != 'none')
    assert result.get('labelled', 0.75) == 0.75
    assert not any(value.requires_grad for key, value in result.items() if key != 'loss')


def test_gradients_reach_features_and_both_sets_of_projections(views):
    module, (source, target) = term(norm_cfg=dict(type='BN')), views()
    module(source, target, STEP)['loss'].backward()
    assert all(p.grad.abs().sum() > 0 for p in module.parameters())
    assert all(view.features['a'].grad.abs().sum() > 0 for view in (source, target))
    assert {name.split('.')[0] for name, _ in module.named_parameters()} == {
        'source_projections',
        'target_projections',
    }


def test_weights_that_are_not_detached_change_the_gradient_alone(views):
    source, target = views()
    module = term()
    results = []
    for detach in (True, False):
        module.weighing['detach'] = detach
        module.zero_grad()
        loss = module(source, target, STEP)['loss']
        loss.backward()
        results.append((loss.detach(), module.source_projections[0].reduce.weight.grad.clone()))
    torch.testing.assert_close(results[0][0], results[1][0])
    assert not torch.allclose(results[0][1], results[1][1])


def test_every_weight_has_a_name_of_its_own():
    """Also with more than nine layers, where 1 and 11 could be 11 and 1."""
    named = _named(torch.arange(121.0).view(11, 11))
    assert len(named) == 121
    assert (named['w_1_11'], named['w_11_1']) == (10, 110)


def test_without_attention_every_pair_weighs_alike(views):
    result = term(attention=False)(*views(), STEP)
    assert {result[f'w_{i}_{j}'].item() for i in (1, 2) for j in (1, 2)} == {0.5}


def test_same_layer_taps_of_the_head(views):
    source, target = views()
    module = term(delta=0, same_taps=('neck', 'probs', 'logits'), loss_weight=1, reduction='sum')
    pairs = [
        (source.features['neck'][0], target.features['neck'][0]),
        (source.logits.softmax(1), target.logits.softmax(1)),
        (source.logits, target.logits),
    ]
    expected = sum(multi_kernel_mmd(*pair, reduction='sum') for pair in pairs)
    torch.testing.assert_close(module(source, target, STEP)['loss'], expected)
    assert module.taps == ('neck',)


def test_a_part_that_does_not_count_is_not_there(views):
    same_only, cross_only = term(delta=0), term(delta=1, same_taps=())
    assert (same_only.taps, list(same_only.parameters())) == (('neck',), [])
    assert cross_only.taps == term(delta=1).taps == TAPS
    assert {'cross', 'w_1_1'}.isdisjoint(same_only(*views(), STEP))
    assert 'same' not in cross_only(*views(), STEP)
    assert ACDA((), (), delta=0).taps == ('neck',)


def test_it_starts_at_its_step_and_is_0_before(views):
    module, (source, target) = term(start_step=3), views()
    module(source, target, torch.tensor(2))['loss'].backward()
    assert all(p.grad is not None and not p.grad.any() for p in module.parameters())
    assert not source.features['a'].grad.any()
    assert module(source, target, torch.tensor(2))['loss'] == 0
    late = module(source, target, torch.tensor(3))['loss']
    module.start_step = 0
    assert late == module(source, target, STEP)['loss'] > 0
    with pytest.raises(
        ValueError, match=r"has start_step=3 and condition='intra': give it as pretrain of mmuda\.ACDAHook"
    ):
        term(start_step=3, condition='intra')


def test_a_condition_without_labels_yet(views):
    """Before the hook has clustered: exactly 0, every parameter has a gradient, the log says so."""
    module, (source, target) = term(condition='intra'), views(None)
    with pytest.raises(ValueError, match=r"condition='intra', but target images have no pseudo-labels.*mmuda.ACDAHook"):
        module(source, target, STEP)
    module.start_step = 10
    for step in (0, 20):
        result = module(source, target, torch.tensor(step))
        assert result['loss'] == 0
        assert result['labelled'] == 0
        of_wholes = multi_kernel_mmd(source.features['neck'][0], target.features['neck'][0])
        torch.testing.assert_close(result['same'], of_wholes.detach())
    result['loss'].backward()
    assert all(p.grad is not None and not p.grad.any() for p in module.parameters())


@pytest.mark.parametrize('label', [[-1, -1, -1, -1], [0, 0, 0, 0]])
@pytest.mark.parametrize('condition', ['intra', 'cdd'])
def test_classes_that_a_domain_lacks(views, label, condition):
    source, target = views(torch.tensor(label))
    module = term(condition=condition)
    result = module(source, target, STEP)
    result['loss'].backward()
    assert all(value.isfinite() for value in result.values())
    assert all(p.grad.isfinite().all() for p in module.parameters())
    assert (result['loss'] == 0) == (label[0] < 0)


def test_classes_of_the_data_set_divide_as_the_released_code_does(views):
    source, target = views(LABEL)
    options = dict(condition='intra', delta=0, loss_weight=1)
    present = term(**options)(source, target, STEP)['loss']
    torch.testing.assert_close(term(num_classes=31, **options)(source, target, STEP)['loss'], present * 2 / 31)


def test_mixed_precision_gives_a_float32_loss(views):
    source, target = views(LABEL, torch.float32)
    for condition in ('none', 'intra'):
        module = term(condition=condition).float()
        with torch.autocast('cpu', dtype=torch.bfloat16):
            result = module(source, target, STEP)
        assert {value.dtype for value in result.values()} == {torch.float32}
        assert result['loss'].item() == pytest.approx(module(source, target, STEP)['loss'].item(), rel=0.1)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(delta=1.5), r'delta=1\.5: it is a share .* give a number in \[0, 1\]'),
        (dict(loss_weight=-1), 'loss_weight=-1: a loss weight must not be negative'),
        (dict(temperature=0), 'temperature=0, which divides similarities: give a positive'),
        (dict(condition='inter'), "condition='inter' is unknown: choose one of none, intra, cdd"),
        (dict(num_kernels=0), 'The kernels have num_kernels=0'),
        (dict(same_taps=()), r'delta=0\.7, but same_taps=\(\): name what the same-layer part aligns'),
        (dict(same_taps='neck'), r"same_taps='neck': name"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        term(**options)


def test_layers_that_do_not_pair():
    with pytest.raises(ValueError, match=r"taps=\('a',\) and in_channels=\(3,\): name two feature maps.*delta=0"):
        ACDA(('a',), (3,))
    with pytest.raises(ValueError, match=r"taps=\('a', 'b'\) and in_channels=\(3,\)"):
        ACDA(TAPS, (3,))


def test_features_that_do_not_fit(views):
    source, target = views(LABEL)
    with pytest.raises(ValueError, match=r"in_channels=4 for 'a', which gives \[3, 4, 4\] a sample: tap a feature map"):
        ACDA(TAPS, (4, 5)).double()(source, target, STEP)
    with pytest.raises(ValueError, match=r"'a' gives \[3, 4, 4\] a sample: tap a module behind the pooling"):
        term(same_taps=('a',))(source, target, STEP)
    with pytest.raises(ValueError, match=r'num_classes=2, but the head tells 3 classes apart'):
        term(num_classes=2, condition='intra')(source, target, STEP)
    with pytest.raises(ValueError, match=r'samples of equal index, but there are 5 source and 4'):
        term(pairwise=True)(source, target, STEP)


@pytest.fixture
def model(tiny_classifier):
    def make(**options):
        cfg = dict(type='ACDA', taps=('backbone.conv', 'backbone'), in_channels=(6, 6), channels=4, size=3) | options
        return UDAModel('classification', tiny_classifier(), terms=dict(acda=cfg)).train()

    return make


def test_it_trains_inside_a_model(model, class_batch):
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    losses = net(**net.data_preprocessor(class_batch('ststt'), training=True), mode='loss')
    assert set(losses) >= {'loss_source', 'loss_acda', 'acda.same', 'acda.cross', 'acda.w_1_1', 'acda.w_2_2'}
    (losses['loss_source'] + losses['loss_acda']).backward()
    optimizer.step()
    after = dict(net.named_parameters())
    projections = [name for name in before if 'projections' in name]
    assert len(projections) == 2 * 2 * 5 * 3
    assert all(not torch.equal(after[name], before[name]) for name in projections)
    fresh = model()
    fresh.load_state_dict(net.state_dict())
    for name in projections:
        assert torch.equal(fresh.get_parameter(name), after[name])


def test_a_tap_that_the_student_lacks_is_named(model):
    with pytest.raises(KeyError, match=r"no module 'backbone\.layer3' to tap.*backbone\.conv"):
        model(taps=('backbone.conv', 'backbone.layer3'))


def test_the_method_file_is_the_papers(repo):
    """Sec. 4.3: δ 0.7, λ 0.3, three layers of a ResNet-50, three-layer residual projections; Sec. 3: same class."""
    module = build_own(MODELS, Config.fromfile(repo / 'configs/_base_/methods/acda.py').acda.terms.acda)
    assert (module.delta, module.loss_weight, module.condition, module.attention) == (0.7, 0.3, 'intra', True)
    assert module.taps == ('backbone.layer2', 'backbone.layer3', 'backbone.layer4', 'neck')
    assert [p.in_channels for p in module.target_projections] == [512, 1024, 2048]
    assert all(len(p.layers) == 3 and p.shortcut is not None for p in module.source_projections)
