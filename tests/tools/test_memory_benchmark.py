"""The memory of a step, counted without values: the same as with values, and what saves it does."""

import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / 'tools/benchmark'
MIT = dict(embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 1, 1, 1])
HEAD = dict(in_channels=[8, 8, 8, 8], channels=8)


@pytest.fixture
def benchmark(monkeypatch):
    """Imports the scripts of the folder by name, as they import each other."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return lambda name: sys.modules.get(name) or __import__(name)


@pytest.fixture
def memory(benchmark):
    return benchmark('memory')


def test_living_bytes_are_counted_in_blocks(benchmark):
    with benchmark('live_memory').LiveMemory() as memory:
        x = torch.zeros(1024)
        x = (x + 1).sum()
    assert (memory.peak, memory.held) == (2 * 4096 + 512, 512)
    del x
    assert memory.held == 0


@pytest.fixture
def estimated(memory, repo):
    """``estimated('stct/stct')`` → the memory of its toy leaf with a small network."""

    def estimate(leaf, real=False, amp=False, **options):
        cfg = memory.load_config(str(repo / f'configs/{leaf}_segformer_toy.py'), None)
        cfg.model.student.backbone.update(MIT)
        cfg.model.student.decode_head.update(HEAD)
        cfg.merge_from_dict(options)
        if amp:
            memory.enable_amp(cfg)
        torch.manual_seed(0)
        return memory.estimate(cfg, (64, 64), (2, 2), real)

    return estimate


SEPARATE = {'model.passes': 'separate'}
WITH_CP = {'model.student.backbone.with_cp': True}


@pytest.mark.parametrize(
    ('leaf', 'amp'),
    [
        ('stct/stct-mha', False),
        pytest.param('stct/stct-mha', True, marks=pytest.mark.slow),
        pytest.param('daformer/daformer', False, marks=pytest.mark.slow),
        pytest.param('daformer/daformer', True, marks=pytest.mark.slow),
    ],
)
def test_shapes_alone_give_the_memory_of_values(estimated, leaf, amp):
    """With values the step is really made: what saves memory goes together."""
    found, expected = (estimated(leaf, real=real, amp=amp, **WITH_CP) for real in (False, True))
    assert found.held == expected.held
    assert found.peak == pytest.approx(expected.peak, rel=0.02)


def test_weights_moments_and_teacher_are_held(estimated, memory, repo):
    cfg = memory.load_config(str(repo / 'configs/stct/stct_segformer_toy.py'), None)
    cfg.model.student.backbone.update(MIT)
    cfg.model.student.decode_head.update(HEAD)
    with memory.DefaultScope.overwrite_default_scope('mmuda'):
        model = memory.MODELS.build(cfg.model)
    count = sum(x.numel() for x in model.student.parameters())
    blocks = sum(1 for _ in model.parameters()) * 2 + 2 * sum(1 for _ in model.buffers())
    assert 16 * count <= estimated('stct/stct').held <= 16 * count + 2 * 512 * blocks


@pytest.mark.slow
def test_what_saves_activations_needs_less(estimated):
    joint, separate, anew = (estimated('stct/stct', **options).peak for options in ({}, SEPARATE, WITH_CP))
    assert separate < 0.9 * joint
    assert anew < 0.9 * joint


def test_a_classifier_is_refused(memory, repo):
    cfg = memory.load_config(str(repo / 'configs/dan/dan_resnet50_office31.py'), None)
    with pytest.raises(memory.UserError, match='ImageClassifier is no segmentor: give a config whose network has'):
        memory.estimate(cfg, (64, 64), (2, 2))
