"""Labels of the surest pixels: over all images together, written as a round of self-training reads them."""

import importlib

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from PIL import Image

pytest.importorskip('mmseg')

from mmseg.structures import SegDataSample

from mmuda.apis import UDAInferencer, UserError
from mmuda.apis.surest import SurestPixels, surest_pixels


def sample(*confidences):
    """A row of pixels of two classes, of which the second is predicted above a half."""
    p = torch.tensor(confidences).view(1, 1, -1)
    scores = torch.cat((1 - p, p))
    label = (scores.argmax(0, keepdim=True)).long()
    return SegDataSample(seg_logits=PixelData(data=scores.log()), pred_sem_seg=PixelData(data=label))


def test_a_class_has_one_threshold_in_all_images():
    """Of the pixels 0.6, 0.7, 0.8 and 0.9 of class 1 and 0.6 to 0.9 of class 0 the surer half."""
    samples = [sample(0.6, 0.9, 0.4, 0.3), sample(0.8, 0.7, 0.2, 0.1)]
    surest = SurestPixels(samples, 2, drop=0.5)
    assert surest.labels(samples[0]).tolist() == [[255, 1, 255, 255]]
    assert surest.labels(samples[1]).tolist() == [[1, 255, 0, 0]]
    assert surest.labels(samples[1]).dtype == np.uint8
    assert SurestPixels(samples, 2, drop=0.5, above=0.65).labels(samples[1]).tolist() == [[1, 1, 0, 0]]
    with pytest.raises(UserError, match='--drop 1 is the share of pixels that lose'):
        SurestPixels(samples, 2, drop=1)


@pytest.fixture
def infer(repo, monkeypatch, toy):
    """``infer(words)``: the command on the toy model."""
    monkeypatch.syspath_prepend(str(repo / 'tools'))
    tool = importlib.import_module('infer')

    def run(*words, model=toy):
        monkeypatch.setattr('sys.argv', ['infer.py', *map(str, (*model, *words)), '--device', 'cpu'])
        tool.main()

    return run


def test_the_command(infer, toy, tmp_path):
    """Everything is class 5 and as sure, so that a share keeps all; an image that is broken is named once."""
    rng = np.random.default_rng(0)
    for name in 'ab':
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / f'{name}.png')
    (tmp_path / 'c.png').write_bytes(b'no picture')
    with pytest.raises(UserError, match='1 of 3 images failed, 2 are done'):
        infer(tmp_path, '--drop', 0.66, '--out', tmp_path / 'out')
    labels = [np.asarray(Image.open(path)) for path in sorted((tmp_path / 'out/labels').glob('*.png'))]
    assert len(labels) == 2
    assert (np.stack(labels) == 5).all()


@pytest.mark.parametrize(
    'words, sentence',
    [
        (['x.png', '--keep-above', '0.9'], '--keep-above is for pixels that --drop would drop'),
        (['x.mp4', '--drop', '0.5'], '--drop is for maps of images, and there are only videos'),
    ],
)
def test_options_that_do_not_go_together(infer, words, sentence):
    with pytest.raises(UserError, match=sentence):
        infer(*words)


def test_a_classifier_has_no_pixels(classifier):
    with pytest.raises(UserError, match='this model classifies: leave out --drop'):
        surest_pixels(UDAInferencer(*classifier(), device='cpu'), ['x.png'], 0.5)
