"""The benchmarks measure what they say: the floor does the same work, and both sides take turns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmseg')

FOLDER = Path(__file__).parents[2] / 'tools' / 'benchmark'
TINY = """
_base_ = '{root}/configs/stct/stct_segformer_toy.py'
model = dict(
    student=dict(
        backbone=dict(embed_dims=4, num_layers=[1, 1, 1, 1], drop_path_rate=0.0),
        decode_head=dict(in_channels=[4, 8, 20, 32], channels=8, dropout_ratio=0.0),
    ),
    terms=dict(target=dict(weight=dict(fixed=1.0))),
    views=None,
    teacher_norm='{norm}',
)
custom_hooks = []
optim_wrapper = dict(paramwise_cfg=None, optimizer=dict(lr=1e-3))
"""


@pytest.fixture
def benchmark(monkeypatch):
    """Imports the scripts of the folder by name, as they import each other."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name):
        return sys.modules.get(name) or __import__(name)

    return load


@pytest.fixture
def tiny_config(tmp_path):

    def write(norm='running'):
        path = tmp_path / 'tiny.py'
        path.write_text(TINY.format(root=FOLDER.parents[1], norm=norm))
        return str(path)

    return write


def distance(ours, theirs):
    """Euclidean distance of two networks' parameters and buffers."""
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return sum((a.double() - b.double()).square().sum() for a, b in pairs).sqrt().item()


@pytest.mark.parametrize('norm', ['running', 'batch'])
def test_the_floor_does_the_work_of_a_training_step(benchmark, tiny_config, norm):
    """With weight 1 and no student view, both sides end with the same student and the same teacher."""
    step = benchmark('step')
    config = tiny_config(norm)
    args = step.parse([config, '--size', '64x96', '--iters', '3', '--warmup', '1', '--stock'])
    loop = step.train(step.load_config(config), args)
    model = loop.runner.model
    assert loop.floors.keys() == {'bare floor', 'mmseg floor'}
    moved = distance(model.student, model.teacher)
    assert moved > 0
    for floor in loop.floors.values():
        assert distance(floor.net, model.student) < 0.02 * moved
        assert distance(floor.teacher, model.teacher) < 0.02 * moved
    assert all(len(times) == 3 for times in loop.results().values())
    assert loop.memory.keys() == loop.results().keys()


def test_source_only_has_a_floor_without_teacher(benchmark):
    step = benchmark('step')
    config = FOLDER.parents[1] / 'configs' / 'source_only' / 'source-only_segformer_toy.py'
    small = ['model.backbone.embed_dims=4', 'model.decode_head.in_channels=[4,8,20,32]', 'model.decode_head.channels=8']
    args = step.parse([str(config), '--size', '64x64', '--iters', '1', '--warmup', '0', '--cfg-options', *small])
    loop = step.train(step.load_config(config, args.cfg_options), args)
    assert loop.floors['bare floor'].teacher is None


@pytest.mark.parametrize(
    'leaf, passes, learns',
    [
        ('dacs/dacs', (('source',), ('mixed',)), dict(source=('labels',), mixed=('teacher',))),
        ('fda/fda', (('source', 'target'),), dict(source=('labels',), target=('thin_entropy',))),
        ('advent/advent', (('source', 'target'),), dict(source=('labels',), target=())),
        ('hrda/hrda', (('source',), ('mixed',)), dict(source=('labels',), mixed=('teacher',))),
    ],
    ids=['dacs', 'fda', 'advent', 'hrda'],
)
def test_the_floor_has_the_passes_and_the_losses_of_a_method(benchmark, leaf, passes, learns):
    """One step of it is finite and moves all that learns."""
    step = benchmark('step')
    cfg = step.load_config(str(FOLDER.parents[1] / 'configs' / f'{leaf}_segformer_toy.py'), None)
    cfg.model.student.backbone.update(embed_dims=4, num_layers=[1, 1, 1, 1])
    head = cfg.model.student.decode_head
    for part in (head.head, head.attention) if leaf == 'hrda/hrda' else (head,):
        part.update(in_channels=[4, 8, 20, 32], channels=8)
    if leaf == 'hrda/hrda':
        cfg.model.student.update(detail_crop=(32, 32), detail_stride=(16, 16))
    for term in cfg.model.terms.values():
        term.update({'channels': 4} if term.type == 'mmuda.OutputAdversarial' else {})
    with step.DefaultScope.overwrite_default_scope('mmuda'):
        model = step.MODELS.build(cfg.model)
    work = step.bare_work(model)
    assert (work['passes'], work['learns']) == (passes, learns)
    floor = step.Floor(model.student, hasattr(model, 'teacher'), **work)
    losses = floor.step(torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.randint(8, (2, 64, 64)))
    assert torch.stack(list(losses.values())).isfinite().all()
    assert ('loss_mixed_teacher_detail' in losses) == (leaf == 'hrda/hrda')
    assert (floor.discriminator is not None) == (leaf == 'advent/advent')
    if floor.discriminator is not None:
        assert losses.keys() == {'loss_source_labels', 'loss_student', 'loss_discriminator'}
        assert all(parameter.grad.abs().max() > 0 for parameter in floor.discriminator.parameters())


def test_alternatives_take_turns_after_the_warm_up(benchmark):
    calls = []
    times = benchmark('measuring').interleave(
        dict(a=lambda: calls.append('a'), b=lambda: calls.append('b')), iters=3, warmup=1
    )
    assert ''.join(calls) == 'abbaabba'
    assert {name: len(values) for name, values in times.items()} == dict(a=3, b=3)


def test_a_row_holds_medians_and_their_ratios(benchmark):
    measuring = benchmark('measuring')
    ours = [measuring.Elapsed(wall, 2 * wall) for wall in (1.0, 3.0, 100.0)]
    theirs = [measuring.Elapsed(wall, wall) for wall in (2.0, 2.0, 2.0)]
    name, wall, cpu, wall_ratio, cpu_ratio = measuring.row('ours', ours, theirs)
    assert (name, cpu, wall_ratio, cpu_ratio) == ('ours', '6.0', '1.500', '3.000')
    assert wall.startswith('3.0 (')


def test_peak_memory_sees_what_a_call_allocates(benchmark):
    measuring = benchmark('measuring')
    if not measuring.resident():
        pytest.skip('this system does not tell how much memory a process holds')
    assert 190 < measuring.peak_memory(lambda: [torch.ones(50 * 2**20) for _ in range(3)][-1].sum()) < 900


@pytest.mark.parametrize(
    'lead',
    [
        'attention',
        'fusion',
        'composition',
        'atrous',
        'atrous_layer',
        'atrous_step',
        'optimizer',
        'ema',
        'accuracy',
        'blur',
        'bf16',
    ],
)
def test_every_lead_has_two_sides_that_run(benchmark, lead):
    leads = benchmark('leads')
    assert lead in leads.LEADS
    for side in leads.LEADS[lead](64):
        side()


def test_operations_are_counted_by_part_without_views(benchmark):
    operations = benchmark('counting').Operations()
    net = torch.nn.ModuleDict(dict(student=torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())))
    with operations.by_part(net, depth=2), operations:
        net['student'](torch.ones(2, 3)).reshape(4, 2).exp().sum().backward()
    backward = operations.counts.pop('backward pass')
    assert operations.counts == {'student.0': 1, 'student.1': 1, 'elsewhere: losses, optimizer, teacher update': 4}
    assert 4 <= backward <= 8  # the logarithm's, the threshold's, a product and a sum, and what autograd makes of ones


@pytest.mark.parametrize('student', [dict(), dict(type='mmuda.MHAMixVisionTransformer')], ids=['plain', 'hybrid'])
def test_operations_of_both_sides_of_a_step(benchmark, tiny_config, student):
    """The floor of hybrid attention has self-attention, with the same parameters."""
    tool = benchmark('operations')
    options = [f'model.student.backbone.{key}={value}' for key, value in student.items()]
    args = [tiny_config(), '--size', '32x32', '--batch', '1+1', *(['--cfg-options', *options] if options else ())]
    counts = tool.count(tool.parse(args))
    networks = [sum(count[part] for part in count if part.endswith('student.backbone')) for count in counts.values()]
    assert networks[1] > 25
    assert (networks[0] == networks[1]) == (not student)
    assert counts['mmuda'].total() > counts['bare floor'].total()
    assert tool.rows(counts)[-2] == ('all', counts['mmuda'].total(), counts['bare floor'].total())


def test_the_student_view_and_the_preprocessor_are_few_operations(benchmark):
    """93 and 25 once, image by image: what a GPU waits for is their number."""
    from mmseg.models import SegDataPreProcessor

    from mmuda.models.views import Normalization, StudentView, View

    count_operations = benchmark('counting').count_operations
    parts = torch.randn(4, 3, 16, 16).split(2)  # as the loader's images, which are not copied
    views = {name: View(x) for name, x in zip(('source', 'target'), parts)}
    norm, view = Normalization(torch.full((3, 1, 1), 120.0), torch.ones(3, 1, 1)), StudentView(('source', 'target'))
    view(views, norm)  # constants move to the device once
    assert count_operations(lambda: view(views, norm)) <= 39
    host = SegDataPreProcessor(mean=[1.0] * 3, std=[2.0] * 3, bgr_to_rgb=True, size=(8, 8))
    data = dict(inputs=[torch.zeros(3, 8, 8, dtype=torch.uint8)] * 4, data_samples=[])
    assert count_operations(lambda: host(data, training=True)) == 4


@pytest.mark.parametrize('dilations, count', [((1,), 19), ((1, 2), 19), ((1, 2, 3, 4), 19)])
def test_a_dida_module_launches_nineteen_operations_on_a_gpu(benchmark, dilations, count):
    """59 once, 45 and 24, and more with more dilations."""
    from mmuda.models.layers import DIDAModule

    module, x = DIDAModule(32, 24, form='fused', dilations=dilations), torch.randn(2, 32, 7, 7, requires_grad=True)
    inputs, ones = (x, *module.parameters()), torch.ones_like(module(x))
    assert benchmark('counting').count_operations(lambda: torch.autograd.grad(module(x), inputs, ones)) == count
