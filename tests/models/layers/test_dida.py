"""The DIDA module: the released module's outputs, the paper's parameters, ablations, and other ways to run it."""

import copy
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmuda.models.layers import DIDAModule
from mmuda.registry import MODELS

VECTORS = json.loads((Path(__file__).parents[2] / 'data' / 'dida_vectors.json').read_text())
RELEASED = {  # names of the released module → ours
    'conv': 'reduce',
    'conv_kernel': 'generators.0.expand',
    'conv_k': 'generators.0.rescale',
    'conv_kernel2': 'generators.1.expand',
    'conv_k2': 'generators.1.rescale',
    'fuse': 'fuse',
}


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def random_module(*args, **kwargs):
    """With biases that are not 0."""
    module = DIDAModule(*args, **kwargs)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def run(module, x, forward=None):
    """Output, input gradient and parameter gradients."""
    module, x = copy.deepcopy(module), x.clone().requires_grad_()
    y = (forward or (lambda module, x: module(x)))(module, x)
    (y * torch.sin(torch.arange(y.numel(), dtype=torch.float64)).to(y).view_as(y)).sum().backward()
    return y.detach(), x.grad, {name: parameter.grad for name, parameter in module.named_parameters()}


def as_written(module, x):
    """Fig. 5 with the released scale and shift, one instance and one kernel at a time."""
    out = []
    for image in x[:, None]:
        feature = F.conv2d(image, module.reduce.weight, module.reduce.bias).relu()
        gate = F.conv2d(image.mean((2, 3), keepdim=True), module.reduce.weight, module.reduce.bias).relu()
        swapped = gate.permute(0, 2, 1, 3)  # channels as positions: [1, 1, R, 1]
        maps = []
        for generator, dilation in zip(module.generators, module.dilations):
            kernel = F.conv2d(swapped, generator.expand.weight, generator.expand.bias)
            if generator.rescale is not None:
                kernel = generator.rescale(kernel.permute(0, 3, 1, 2))[0]
            k = generator.kernel_size
            kernel = kernel.reshape(k, k, 1, -1).permute(3, 2, 0, 1)
            options = dict(stride=module.stride, padding=dilation * (k // 2), dilation=dilation, groups=len(kernel))
            maps.append(module.fuse(F.conv2d(feature, kernel, **options)))
        out.append(torch.cat(maps, 1))
    return torch.cat(out)


@pytest.mark.parametrize('form', ['factorized', 'grouped', 'fused', 'loop'])
@pytest.mark.parametrize('stride', [1, 2])
def test_the_released_module(stride, form):
    stored = VECTORS[f'dida_module_stride{stride}']
    module = DIDAModule(stored['inplanes'], stored['planes'], stored['m'], stride=stride, form=form)
    state = {}
    for name, value in stored['params'].items():
        layer, _, kind = name.rpartition('.')
        state[f'{RELEASED[layer]}.{kind}'] = torch.tensor(value['data']).view(value['shape'])
    module.load_state_dict(state)
    x = torch.tensor(stored['input']).view(stored['input_shape'])
    wanted = torch.tensor(stored['output']).view(stored['output_shape'])
    torch.testing.assert_close(module(x), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(stride=2),
        dict(rescale=False),
        dict(rescale=False, bias=True),
        dict(dilations=(2,)),
        dict(dilations=(1, 2, 3)),
        dict(kernel_size=(1, 3)),
        dict(kernel_size=5, reduction=2),
    ],
    ids=str,
)
def test_the_figure_as_written(options):
    """Outputs and all gradients, in float64, of the CPU's form and of the GPU's."""
    module = random_module(16, 12, **dict(reduction=4) | options).double()
    x = torch.randn(3, 16, 8, 7, dtype=torch.float64)
    wanted = run(module, x, as_written)
    for form in ('auto', 'grouped', 'fused'):
        module.form = form
        torch.testing.assert_close(run(module, x), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('form', ['auto', 'grouped', 'fused'])
def test_gradients_are_those_of_finite_differences(form):
    module = random_module(4, 4, 2, form=form).double()
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def call(x, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters)), (x,))

    assert torch.autograd.gradcheck(call, (x, *module.parameters()))


def test_parameters_of_the_paper_and_of_the_released_code():
    assert size(DIDAModule(512, 512)) == 24_904
    assert size(DIDAModule(512, 512, rescale=False)) == 24_594
    assert size(DIDAModule(512, 512, rescale=False, bias=True)) == 24_900


@pytest.mark.parametrize('reduction', [2, 4, 8, 16, 32])
def test_reductions_of_fig_7(reduction):
    module = DIDAModule(64, 64, reduction)
    reduced = 64 // reduction
    assert size(module) == (64 + 1) * reduced + 2 * (18 + 2) + (reduced + 1) * 32
    assert module(torch.randn(2, 64, 4, 4)).shape == (2, 64, 4, 4)


def test_reductions_of_their_own():
    """Table VI: each generator sees the mean of the input through a convolution of its own."""
    module = random_module(16, 12, 4, share_reduction=False)
    x = torch.randn(3, 16, 6, 6)
    assert size(module) == size(DIDAModule(16, 12, 4)) + 2 * (16 + 1) * 4
    y = module(x)
    for own in module.reductions:
        own.load_state_dict(module.reduce.state_dict())
    shared = random_module(16, 12, 4)
    shared.load_state_dict(module.state_dict(), strict=False)
    torch.testing.assert_close(module(x), shared(x))
    assert not torch.allclose(y, shared(x))


def test_an_instance_is_adapted_to_itself_alone():
    module, x = random_module(16, 8, 4), torch.randn(4, 16, 6, 6)
    torch.testing.assert_close(module(x)[2:3], module(x[2:3]))
    torch.testing.assert_close(module.eval()(x), module.train()(x), rtol=0, atol=0)
    with torch.no_grad():  # linear in its input but for ReLUs, and then scaled by it once more
        module.reduce.weight.abs_()
        for layer in (module.reduce, module.fuse, *(g.expand for g in module.generators)):
            layer.bias.zero_()
        for generator in module.generators:
            generator.rescale.bias.zero_()
    torch.testing.assert_close(module(2 * x.abs()), 4 * module(x.abs()))


def test_first_weights():
    torch.manual_seed(0)
    modules = [DIDAModule(512, 512) for _ in range(40)]
    assert modules[0].reduce.weight.std().item() == pytest.approx((2 / 32) ** 0.5, rel=0.02)
    expand = torch.cat([g.expand.weight for module in modules for g in module.generators])
    assert expand.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.1)
    scale = torch.cat([g.rescale.weight for module in modules for g in module.generators])
    assert scale.std().item() == pytest.approx(2**0.5, rel=0.25)
    assert scale.min() < 0 < scale.max()
    assert all((p == 0).all() for name, p in modules[0].named_parameters() if name.endswith('bias'))
    unit = DIDAModule(512, 512, unit_scale=True)
    assert [g.rescale.weight.item() for g in unit.generators] == [1, 1]
    default = DIDAModule(512, 512, init='torch')
    assert default.reduce.weight.abs().max() <= 512**-0.5
    assert default.fuse.bias.abs().max() > 0


def test_initialising_again_draws_again():
    module = DIDAModule(32, 8, unit_scale=True)
    before = copy.deepcopy(module.state_dict())
    module.init_weights()
    assert not torch.equal(module.reduce.weight, before['reduce.weight'])
    assert module.generators[0].rescale.weight.item() == 1


def test_every_parameter_has_a_gradient():
    _, _, gradients = run(DIDAModule(32, 8, 4), torch.randn(4, 32, 6, 6))
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients.values())


@pytest.mark.parametrize('height', [7, 20])
@pytest.mark.parametrize('form', ['auto', 'grouped', 'fused'])
def test_operations_do_not_grow_with_the_batch(height, form, count_operations):
    module, counts = DIDAModule(32, 8, form=form), []
    for batch in (2, 9):
        x = torch.randn(batch, 32, height, height)
        counts.append(count_operations(lambda x=x: module(x).sum().backward()))
        module.zero_grad()
    assert 10 < counts[0] == counts[1]


@pytest.mark.parametrize('height, form', [(7, 'auto'), (20, 'auto'), (7, 'grouped'), (7, 'fused')])
def test_checkpointing_and_compiling_change_nothing(height, form):
    torch._dynamo.reset()
    module, x = random_module(32, 8, stride=2, form=form), torch.randn(3, 32, height, height)
    wanted = run(module, x)
    result = run(module, x, lambda module, x: checkpoint(module, x, use_reentrant=False))
    torch.testing.assert_close(result, wanted, rtol=0, atol=0)
    compiled = run(module, x, lambda module, x: torch.compile(module, backend='aot_eager', fullgraph=True)(x))
    torch.testing.assert_close(compiled, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('height, form', [(7, 'auto'), (20, 'auto'), (7, 'grouped'), (7, 'fused')])
def test_autocast_to_bfloat16(height, form):
    module, x = random_module(32, 8, 4, form=form), torch.randn(4, 32, height, height)
    full = run(module, x)
    with torch.autocast('cpu', torch.bfloat16):
        low = run(module, x)
    assert low[0].dtype == torch.bfloat16
    for ours, wanted in zip(low[:2], full[:2]):
        assert (ours.float() - wanted).norm() < 0.05 * wanted.norm()
    assert all(gradient.dtype == torch.float32 for gradient in low[2].values())


@pytest.mark.parametrize('form', ['auto', 'grouped', 'fused'])
def test_channels_last_changes_nothing(form):
    module, x = random_module(32, 8, 4, form=form), torch.randn(4, 32, 7, 7)
    last = run(module, x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, run(module, x), rtol=1e-4, atol=1e-4)


def test_fused_kernels_come_from_one_reduction():
    with pytest.raises(ValueError, match='share_reduction=True'):
        DIDAModule(32, 8, share_reduction=False, form='fused')


def test_copies_and_state_dicts():
    module, x = random_module(32, 8), torch.randn(2, 32, 5, 5)
    fresh = DIDAModule(32, 8)
    fresh.load_state_dict(module.state_dict())
    for other in (
        fresh,
        copy.deepcopy(module),
        MODELS.build(dict(type='mmuda.DIDAModule', in_channels=32, out_channels=8)),
    ):
        other.load_state_dict(module.state_dict())
        torch.testing.assert_close(other(x), module(x), rtol=0, atol=0)
    assert set(RELEASED.values()) == {name.rpartition('.')[0] for name in module.state_dict()}


@pytest.mark.parametrize(
    'args, options, sentence',
    [
        ((30, 8), {}, 'in_channels=30, which reduction=16 does not divide'),
        ((32, 7), {}, 'out_channels=7, which 2 dilations cannot share equally'),
        ((32, 8), dict(dilations=()), 'out_channels=8, which 0 dilations cannot'),
        ((32, 8), dict(kernel_size=4), 'kernel_size=4 does not fit 2 dilations: give one odd size'),
        ((32, 8), dict(kernel_size=(3, 3, 3)), r'kernel_size=\(3, 3, 3\) does not fit 2'),
        ((32, 8), dict(form='fast'), "form='fast' is no way .* choose one of"),
        ((32, 8), dict(init='zeros'), "init='zeros', which is none: choose one of"),
    ],
)
def test_settings_that_do_not_fit(args, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        DIDAModule(*args, **options)


def test_an_input_with_other_channels():
    with pytest.raises(ValueError, match='DIDAModule has in_channels=32, but its input has 16 channels: set'):
        DIDAModule(32, 8)(torch.zeros(2, 16, 7, 7))
