"""Precision and recall of pseudo-labels, against counts by hand; and the command on a network of a config."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import load_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.registry import MODELS


@pytest.fixture
def tool(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'analysis_tools'))
    return importlib.import_module('pseudo_labels')


class Painted(nn.Module):
    """A network whose logits are its inputs."""

    decode_head = SimpleNamespace(num_classes=3)

    def data_preprocessor(self, batch):
        return dict(batch, inputs=torch.stack(batch['inputs']))

    def encode_decode(self, inputs, metas):
        assert len(metas) == len(inputs)
        return inputs


def sample(label, truth, confidence):
    """One row of pixels whose label has this confidence."""
    scores = torch.full((3, 1, len(label)), 0.0)
    for x, (chosen, share) in enumerate(zip(label, confidence)):
        scores[:, 0, x] = (1 - share) / 2
        scores[chosen, 0, x] = share
    data = SegDataSample(gt_sem_seg=PixelData(data=torch.tensor([[truth]])))
    return dict(inputs=scores.log(), data_samples=data)


def test_counts_by_hand(tool):
    samples = [
        sample([0, 0, 1, 1], [0, 0, 0, 255], [0.99, 0.6, 0.99, 0.99]),
        sample([0, 1, 1, 1], [1, 1, 1, 1], [0.6, 0.6, 0.99, 0.6]),
    ]
    every, sure = tool.confusions(Painted(), [samples], threshold=0.9)
    assert every.tolist() == [[2, 1, 0], [1, 3, 0], [0, 0, 0]]
    assert sure.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]] for line in tool.table(every, sure, list('abc')).splitlines()
    ]
    assert rows[2] == ['a', '42.9', '66.7', '66.7', '50.0', '33.3', '100.0']
    assert rows[3] == ['b', '57.1', '75.0', '75.0', '60.0', '25.0', '50.0']
    assert rows[4] == ['c', '0.0', '–', '–', '–', '–', '–']
    assert rows[5] == ['all', '100.0', '71.4', '71.4', '', '42.9', '66.7']


def test_padding_is_no_part_of_an_image(tool):
    """Two columns at the right are the preprocessor's; the label map is twice as wide as the image."""
    padded = sample([0, 1, 2, 2], [0, 0, 1, 1], [0.99] * 4)
    padded['data_samples'].set_metainfo(dict(img_padding_size=[0, 2, 0, 0]))
    every, _ = tool.confusions(Painted(), [[padded]], threshold=0.9)
    assert every.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize('network', ['student', 'teacher'])
def test_the_command(tool, repo, tmp_path, monkeypatch, capsys, network):
    """Each image counts once, in batches of two, two and one."""
    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=1, val=5, width=64, height=32))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path))
    config = repo / 'configs/dacs/dacs_segformer_toy.py'
    torch.save(dict(state_dict=MODELS.build(load_config(config).model).state_dict()), tmp_path / 'x.pth')
    words = ['--predict-on', network, '--batch-size', '2']
    monkeypatch.setattr('sys.argv', ['x', str(config), str(tmp_path / 'x.pth'), *words])
    seen = []

    def confusions(net, batches, threshold, count=tool.confusions):
        batches = list(batches)
        seen.extend(Path(sample['data_samples'].img_path).stem for samples in batches for sample in samples)
        return count(net, batches, threshold)

    monkeypatch.setattr(tool, 'confusions', confusions)
    tool.main()
    assert sorted(seen) == sorted(path.stem for path in (tmp_path / 'toy_streets/dusk/images/val').iterdir())
    lines = capsys.readouterr().out.strip().splitlines()
    assert len([line for line in lines if line.startswith('|')]) == 2 + 8 + 1
    assert lines[-1].startswith('| all | 100.0 |')
