"""A checkpoint that was trained to see images otherwise than a config shows them is said to be so, and no other one."""

import pytest
import torch
from mmcv.transforms import Resize
from mmengine.config import Config

from mmuda.apis import UDAInferencer, load_config, trained_pipeline
from mmuda.apis.trained_pipeline import note_other_pipeline

LOAD = [dict(type='mmuda.LoadImage')]
PACK = [dict(type='mmuda.LoadLabel'), dict(type='mmseg.PackSegInputs')]


def config(*steps: dict, joined: bool = False) -> Config:
    """Return a config whose test images go through steps, of one set or of two joined ones."""
    dataset = dict(type='mmuda.FolderSegmentation', pipeline=[*LOAD, *steps, *PACK])
    if joined:
        dataset = dict(type='ConcatDataset', datasets=[dataset, dataset])
    return Config(dict(test_dataloader=dict(batch_size=1, dataset=dataset)))


def resize(*scale: int) -> dict:
    return dict(type='Resize', scale=scale, keep_ratio=True)


@pytest.fixture
def said(monkeypatch):
    """What was logged."""
    lines = []
    monkeypatch.setattr(trained_pipeline, 'print_log', lambda text, *_: lines.append(text))
    return lines


@pytest.mark.parametrize('joined', [False, True])
def test_other_steps_are_named(said, joined):
    checkpoint = dict(meta=dict(cfg=config(resize(224, 160), joined=joined).pretty_text))
    note_other_pipeline(config(resize(480, 360)), checkpoint, 'iter_4.pth')
    assert len(said) == 1
    assert 'of iter_4.pth test images went through Resize(keep_ratio=True, scale=(224, 160)), by' in said[0]
    assert 'they go through Resize(keep_ratio=True, scale=(480, 360)): unless' in said[0]
    note_other_pipeline(config(), checkpoint, 'iter_4.pth')
    assert 'they go through no step that changes them: unless' in said[1]


@pytest.mark.parametrize(
    'text',
    [
        config(resize(480, 360)).pretty_text,
        config(resize(480, 360)).pretty_text.replace('mmuda.LoadImage', 'LoadImageFromFile'),
        config(resize(480, 360)).pretty_text.replace('480,', '480 ,'),
        'test_dataloader = dict(dataset=dict(pipeline=[dict(type=open("x", "w"))]))',
        'test_dataloader = None',
        'model = dict()',
        'test_dataloader = dict(dataset=dict(pipeline=[dict(scale=4), 1]))',
        'test_dataloader = dict(dataset="x")',
        'no Python',
        None,
    ],
)
def test_the_same_steps_and_unknown_ones_are_no_news(said, text, tmp_path, monkeypatch):
    """Nor is anything of the text run."""
    monkeypatch.chdir(tmp_path)
    note_other_pipeline(config(resize(480, 360)), dict(meta=dict(cfg=text)), 'iter_4.pth')
    note_other_pipeline(config(resize(480, 360)), {}, 'iter_4.pth')
    assert said == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'dataset',
    [
        dict(type='mmuda.FolderSegmentation', pipeline=[*LOAD, dict(resize(480, 360), type=Resize), *PACK]),
        dict(type='mmuda.FolderSegmentation', pipeline=[*LOAD, dict(resize(480, 360.0), keep_ratio=1), *PACK]),
        dict(type='Own'),
        dict(type='ConcatDataset', datasets=[]),
    ],
)
def test_the_same_steps_in_other_words_and_sets_without_steps_are_no_news(said, dataset):
    checkpoint = dict(meta=dict(cfg=config(resize(480, 360)).pretty_text))
    note_other_pipeline(Config(dict(test_dataloader=dict(dataset=dataset))), checkpoint, 'iter_4.pth')
    assert said == []


def test_several_views_are_meant(said):
    checkpoint = dict(meta=dict(cfg=config(resize(224, 160)).pretty_text))
    note_other_pipeline(config(dict(type='TestTimeAug', transforms=[[resize(480, 360)]])), checkpoint, 'iter_4.pth')
    assert said == []


@pytest.fixture
def other(toy, tmp_path):
    """A checkpoint whose training showed test images at another size than the config does."""
    path, weights = toy
    saved = torch.load(weights, weights_only=True)
    cfg = load_config(path)
    cfg.test_dataloader.dataset.pipeline.insert(1, resize(320, 192))
    torch.save(saved | dict(meta=saved['meta'] | dict(cfg=cfg.pretty_text)), tmp_path / 'iter_4.pth')
    return tmp_path / 'iter_4.pth'


def test_inference_says_so_of_each_checkpoint(said, toy, other):
    path, weights = toy
    UDAInferencer(path, other, device='cpu')
    UDAInferencer(path, weights, device='cpu', ensemble=[other])
    assert len(said) == 2
    for text in said:
        assert f'of {other} test images went through Resize(keep_ratio=True, scale=(320, 192)), by' in text
