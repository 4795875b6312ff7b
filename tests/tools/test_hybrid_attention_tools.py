"""What hybrid attention costs, and the picture of it: the tools say what the network does."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip('mmseg')

from mmengine.registry import DefaultScope

from mmuda.apis import UserError, load_config
from mmuda.apis.hybrid_groups import build_hybrid_network
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.domain import DomainBatch

ROOT = Path(__file__).parents[2]
TINY = f"""
_base_ = '{ROOT}/configs/stct/stct-mha_segformer_toy.py'
model = dict(
    student=dict(
        backbone=dict(embed_dims=4, num_layers=[1, 2, 1, 1], drop_path_rate=0.0),
        decode_head=dict(in_channels=[4, 8, 20, 32], channels=8, dropout_ratio=0.0),
    ),
    terms=dict(target=dict(weight=dict(fixed=1.0))),
    views=None,
)
optim_wrapper = dict(paramwise_cfg=None, optimizer=dict(lr=1e-3))
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text(TINY)
    return str(path)


# ---- what it should cost, on paper ------------------------------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    """Imports the scripts of the folder by name, as they import each other."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools' / 'benchmark'))

    def load(name):
        return sys.modules.get(name) or __import__(name)

    return load


def counted(layout, q_groups, kv_groups, direction):
    """Products of every image, one query at a time, over those of self-attention."""
    partners = [layout.num_source + t for t in layout.target_of_source()] + list(layout.source_of_target())
    costs = []
    for image, partner in enumerate(partners):
        mixes = direction == 'both' or direction == ('s2t' if image < layout.num_source else 't2s')
        keys = torch.cat((kv_groups[image], kv_groups[partner])) if mixes else kv_groups[image]
        products = 0
        for group in q_groups[image]:
            same = int((keys == group).sum())
            products += same or len(keys)
        costs.append(products / (q_groups.shape[1] * kv_groups.shape[1]))
    return torch.tensor(costs)


@pytest.mark.parametrize('direction', ['both', 's2t', 't2s'])
@pytest.mark.parametrize('counts', [(2, 2), (3, 2), (1, 3)])
def test_the_core_costs_what_counting_says(benchmark, direction, counts):
    layout = DomainBatch(*counts)
    generator = torch.Generator().manual_seed(0)
    q_groups = torch.rand(len(layout), 20, generator=generator) < 0.6
    kv_groups = torch.rand(len(layout), 6, generator=generator) < 0.6
    kv_groups[[0, -1]] = True  # a pair without keys of the second group
    cost = benchmark('attention_cost').core_cost(
        layout, q_groups.double().mean(1), kv_groups.double().mean(1), direction
    )
    torch.testing.assert_close(cost.float(), counted(layout, q_groups, kv_groups, direction))


def test_even_halves_cost_what_self_attention_does(benchmark):
    cost, layout = benchmark('attention_cost'), DomainBatch(2, 2)
    assert cost.even_cost(layout, 'both') == 1
    assert cost.even_cost(layout, 's2t') == 0.75
    shares = torch.full((4,), 0.7)
    torch.testing.assert_close(cost.core_cost(layout, shares, shares), torch.full((4,), 1.16))


# ---- and what it does cost --------------------------------------------------------------------


def distance(ours, theirs):
    """Euclidean distance of two networks' parameters and buffers."""
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return sum((a.double() - b.double()).square().sum() for a, b in pairs).sqrt().item()


def test_full_steps_with_each_attention(benchmark, tiny):
    """Both implementations end with the same student, self-attention with another; every step's groups are kept."""
    tool = benchmark('hybrid_attention')
    bench = tool.run(tool.parse([tiny, '--size', '64x96', '--iters', '2', '--warmup', '1']))
    assert bench.times.keys() == bench.memory.keys() == set(tool.SIDES)
    assert all(len(times) == 2 for times in bench.times.values())
    students = {name: loop.runner.model.student for name, loop in bench.loops.items()}
    apart = distance(students[tool.GATHERED], students[tool.SELF])
    assert 0 < distance(students[tool.GATHERED], students[tool.MASKED]) < 0.02 * apart
    assert apart > 0
    assert len(bench.layouts) == 4
    shares = dict(bench.shares())
    shapes = [(stage.queries, stage.keys, stage.depth) for stage in shares]
    assert shapes == [(384, 6, 1), (96, 6, 2), (24, 6, 1), (6, 6, 1)]
    assert all(0.2 < share.queries < 0.9 and 0.8 < share.cost < 2 for share in shares.values())
    text = tool.cost_table(bench).splitlines()
    assert len(text) == 6
    assert text[-1].startswith('multiply-adds of a student pass')


def test_the_attention_alone(benchmark, tiny):
    tool = benchmark('hybrid_attention')
    small = ['--layers', '--size', '64x64', '--batch', '2+1', '--iters', '1', '--warmup', '0']
    args = tool.parse([tiny, *small, '--cfg-options', 'model.student.backbone.mha_stages=[0,2]'])
    rows = tool.time_layers(tool.read(args), args)
    assert [row[:5] for row in rows[::6]] == [(1, 256, 4, 1, 4), (3, 16, 4, 5, 4)]
    assert [row[6] for row in rows[:4]] == list(tool.SIDES)


def test_only_the_attention_of_a_backbone_changes(benchmark):
    tool = benchmark('hybrid_attention')
    cfg = dict(type='mmuda.MHAMixVisionTransformer', embed_dims=4, direction='s2t', strategy='none')
    assert tool.backbone(cfg, tool.SELF) == dict(type='mmuda.MixVisionTransformer', embed_dims=4)
    assert tool.backbone(cfg, tool.MASKED)['strategy'] == 'semantic'
    assert tool.backbone(cfg, tool.GATHERED, 'hvh')['strategy'] == 'hvh'
    assert {tool.backbone(cfg, name)['direction'] for name in tool.SIDES[1:]} == {'s2t'}


def test_configs_that_cannot_be_compared(benchmark):
    tool = benchmark('hybrid_attention')
    configs = ROOT / 'configs'
    with pytest.raises(UserError, match='needs a MixVisionTransformer'):
        tool.read(tool.parse([str(configs / 'stct' / 'stct_segformer_mobilenet-v2_camvid-day2dusk-480x360.py')]))
    with pytest.raises(UserError, match='trains on one domain'):
        tool.read(tool.parse([str(configs / 'source_only' / 'source-only_segformer_toy.py')]))


def test_real_labels_cover_the_crop(benchmark, tmp_path):
    scenes = benchmark('synthetic').NoiseScenes
    for number, value in enumerate((1, 2, 255)):
        Image.fromarray(np.full((20, 30), value, np.uint8)).save(tmp_path / f'{number}.png')
    found = scenes((32, 32), num_classes=3, labels=str(tmp_path))
    assert found.labels.shape == (3, 1, 32, 32)
    assert found.labels[:, 0, 0, 0].tolist() == [1, 2, 255]
    assert found.images.shape == (3, 3, 32, 32)
    with pytest.raises(UserError, match='labels such as 2, but the config has 2 classes'):
        scenes((32, 32), num_classes=2, labels=str(tmp_path))
    with pytest.raises(UserError, match='holds no image file'):
        scenes((32, 32), num_classes=2, labels=str(tmp_path / 'gone'))


# ---- the picture ------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A data root with a handful of toy streets."""
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=3, val=1, width=96, height=64))
    return root


@pytest.fixture
def plot(monkeypatch, data, tmp_path):
    """Run the tool's main; `/tmp/…/out.png` is where the picture goes."""
    monkeypatch.setenv('MMUDA_DATA', str(data))
    monkeypatch.syspath_prepend(str(ROOT / 'tools' / 'analysis_tools'))
    module = importlib.import_module('plot_hybrid_attention')

    def run(config, *args, out='out.png'):
        monkeypatch.setattr(sys, 'argv', ['plot', str(config), '--out', str(tmp_path / out), '--dpi', '30', *args])
        module.main()
        return tmp_path / out

    run.module = module
    return run


@pytest.fixture
def undrawn(plot, monkeypatch):
    """The same without the picture, which takes seconds; `undrawn.titles` are what they would be."""

    def figure(report):
        plot.titles.append(report.title)
        return SimpleNamespace(savefig=lambda *args, **options: None)

    plot.titles = []
    monkeypatch.setattr(plot.module, 'attention_figure', figure)
    return plot


def rows(text, start):
    """Numbers of the Markdown rows that begin with `start`."""
    lines = [line.split('|')[1:-1] for line in text.splitlines() if line.startswith(f'| {start}')]
    return [[float(cell) for cell in line[1:3]] for line in lines]


def test_a_picture_and_its_numbers(plot, tiny, capsys):
    out = plot(tiny, '--batch', '2+1')
    assert Image.open(out).size[0] == 13 * 30
    text = capsys.readouterr().out
    masses = rows(text, 'stage 1, ') + rows(text, 'stage 2, ') + rows(text, 'stage 3, ') + rows(text, 'stage 4, ')
    assert len(masses) == 5
    assert all(0 < mass < 1 for pair in masses for mass in pair)
    shares = [pair for stage in range(1, 5) for pair in rows(text, f'stage {stage} ')]
    assert len(shares) == 8
    assert all(first + second == pytest.approx(1, abs=2e-3) for first, second in shares)


def test_the_same_seed_draws_the_same(undrawn, tiny, capsys):
    texts = []
    for _ in range(2):
        undrawn(tiny, '--seed', '3')
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_a_direction_and_no_groups(undrawn, tiny, capsys):
    options = ['--cfg-options', 'model.student.backbone.strategy=none', 'model.student.backbone.direction=s2t']
    undrawn(tiny, *options)
    text = capsys.readouterr().out
    assert 'Share of tokens' not in text
    assert all(source > 0 and target == 0 for source, target in rows(text, 'stage 1, '))


def test_a_checkpoint_is_loaded_and_named(undrawn, tiny, tmp_path, capsys):
    with DefaultScope.overwrite_default_scope('mmuda'):
        network = build_hybrid_network(load_config(tiny), tiny, None)
    for weight in network.parameters():
        weight.data.zero_()
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'zeros.pth')
    undrawn(tiny, str(tmp_path / 'zeros.pth'))
    masses = rows(capsys.readouterr().out, 'stage 4, ')
    assert masses == [[0.5, 0.5]]  # all keys alike, and the target has the source's groups
    undrawn(tiny)
    assert ['weights of zeros.pth' in title for title in undrawn.titles] == [True, False]
    assert 'random weights' in undrawn.titles[1]


@pytest.mark.parametrize(
    ('args', 'sentence'),
    [
        (['--batch', '4+2'], 'the source has 3 images, but 4 are asked for'),
        (['--batch', '2'], '--batch 2 is no number of source'),
        (['--cfg-options', 'model.student.backbone.direction=none'], 'no domain sees the other'),
        (['--cfg-options', 'train_dataloader.dataset.target=None'], 'have no target'),
        (['gone.pth'], 'gone.pth does not exist'),
    ],
)
def test_what_cannot_be_drawn(plot, tiny, args, sentence):
    with pytest.raises(UserError, match=sentence):
        plot(tiny, *args)


def test_a_network_without_hybrid_attention(plot, tiny):
    with pytest.raises(UserError, match='has no hybrid attention, its backbone is MixVisionTransformer'):
        plot(ROOT / 'configs/stct/stct_segformer_toy.py')
    with pytest.raises(UserError, match='no suffix of a picture'):
        plot(tiny, out='picture')
