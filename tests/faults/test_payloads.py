"""Nothing in a file that somebody else may have made is executed: each reader is offered code that leaves a mark."""

import importlib.util
import os
import pickle
import re

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from mmuda.apis import UserError, load_config, read_checkpoint
from mmuda.datasets import Digits, FolderSegmentation
from mmuda.datasets.class_map import load_class_map
from mmuda.datasets.class_statistics import class_pixels
from mmuda.datasets.errors import DataError


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker) -> None:
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    """What no reader may make; it is checked at the end."""
    path = tmp_path / 'executed'
    yield path
    assert not path.exists()


@pytest.fixture
def pickled(marker) -> bytes:
    """Code as a pickle, which is alive."""
    content = pickle.dumps(Payload(marker))
    pickle.loads(content)
    marker.rmdir()
    return content


@pytest.fixture
def evil_pth(marker, tmp_path, monkeypatch):
    """A checkpoint with code in it, in torch's own format."""
    path = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=dict(weight=torch.zeros(1)), meta=Payload(marker)), path)
    with monkeypatch.context() as trusting:
        trusting.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
        torch.load(path, weights_only=False)
    marker.rmdir()
    return path


@pytest.fixture
def street(tmp_path):
    """A folder with one image and its label map, both of zeros."""
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8, 3)[: 3 if name == 'images' else 2], np.uint8)).save(tmp_path / name / '0.png')
    return dict(data_root=str(tmp_path), data_prefix=dict(img_path='images', seg_map_path='labels'))


@pytest.mark.parametrize(
    'tool, words',
    [
        ('train.py', '{leaf} --work-dir {work} --resume {evil}'),
        ('train.py', '{leaf} --work-dir {work} --cfg-options load_from={evil}'),
        ('train.py', '{leaf} --work-dir {work} --cfg-options model.backbone.init_cfg.checkpoint={evil}'),
        ('test.py', '{leaf} {evil} --work-dir {work}'),
        ('infer.py', '{leaf} {evil} {image} --out {work}'),
        ('analysis_tools/extract_network.py', '{evil} {work}'),
    ],
)
def test_a_checkpoint(start, leaf, data, evil_pth, tool, words, tmp_path):
    image = data / 'toy_streets/dusk/images/val/00000.png'
    config = leaf("model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=None)))")
    places = dict(leaf=config, work=tmp_path / 'w', evil=evil_pth, image=image)
    run = start(*words.format(**places).split(), tool=tool)
    assert run.end() == 1
    assert 'evil.pth' in run.sentence


def test_a_checkpoint_to_convert(evil_pth, repo, tmp_path):
    spec = importlib.util.spec_from_file_location('converting', repo / 'tools/model_converters/converting.py')
    converting = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(converting)
    with pytest.raises(UserError, match=r'evil\.pth'):
        converting.convert(evil_pth, tmp_path / 'out.pth', dict)


@pytest.mark.parametrize('suffix', ['.json', '.yaml', '.pkl', '.pickle'])
def test_a_pickled_class_map(pickled, suffix, tmp_path):
    (tmp_path / f'evil{suffix}').write_bytes(pickled)
    with pytest.raises(DataError, match=rf'evil\{suffix}'):
        load_class_map(f'evil{suffix}', str(tmp_path))


def test_tags_in_yaml(marker, tmp_path):
    text = f"classes: !!python/object/apply:os.mkdir ['{marker}']"
    yaml.unsafe_load(text)
    marker.rmdir()
    for name in ('evil.yaml', 'evil.yml'):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match='could not determine a constructor'):
            load_class_map(name, str(tmp_path))
        with pytest.raises(UserError, match='configs are Python files'):
            load_config(tmp_path / name)


def test_a_list_file(street, pickled, tmp_path):
    (tmp_path / 'evil.txt').write_bytes(pickled)
    with pytest.raises(DataError, match=r'evil\.txt'):
        FolderSegmentation(ann_file='evil.txt', **street)


def test_an_archive(marker, tmp_path):
    objects = np.array([Payload(marker)], dtype=object)
    np.savez(tmp_path / 'evil.npz', x=objects, y=np.zeros(1, int))
    with pytest.raises(DataError, match=r'evil\.npz'):
        Digits('evil.npz', data_root=str(tmp_path))


def test_a_cache(street, marker, tmp_path):
    """A damaged cache is counted anew."""
    np.savez(tmp_path / 'evil.npz', key=np.array([Payload(marker)], object), counts=np.array([Payload(marker)], object))
    dataset = FolderSegmentation(metainfo=dict(classes=['a', 'b']), pipeline=[], **street)
    assert class_pixels(dataset, str(tmp_path / 'evil.npz'), nproc=1)[0, 0] == 64


@pytest.mark.parametrize('name', ['evil.pth', 'evil.pt', 'evil.bin'])
def test_a_bare_pickle_in_place_of_a_checkpoint(pickled, name, tmp_path):
    (tmp_path / name).write_bytes(pickled)
    with pytest.raises(UserError, match=name):
        read_checkpoint(tmp_path / name)


def test_no_source_opens_a_file_with_a_reader_that_runs_code(repo):
    unsafe = re.compile(
        r'pickle\.loads?\(|allow_pickle=True|yaml\.(unsafe_|full_)?load\(|mmengine\.load\b|fileio\.load\b|'
        r'load_from_local|weights_only=False\)|joblib'
    )
    for path in [path for room in ('mmuda', 'tools') for path in (repo / room).rglob('*.py')]:
        text = path.read_text(encoding='utf-8')
        assert not unsafe.search(text), path
        assert 'Config.fromfile(' not in text or path == repo / 'mmuda/apis/config.py', path
