"""Several checkpoints of one config predict together: in a test, on single images, and what does not go together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from PIL import Image

pytest.importorskip('mmseg')
pytest.importorskip('mmpretrain')

from mmpretrain.structures import DataSample

from mmuda.apis import UDAInferencer, UserError, enable_tta, evaluate, load_config, set_work_dir
from mmuda.apis.ensemble import EnsembleHook, check_ensemble, loaded_copies
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.models import ScoreSumTTA
from mmuda.models.ensemble import Ensemble


@pytest.fixture(scope='module')
def checkpoints(toy, tmp_path_factory):
    """``checkpoints(bias, ...)`` → files of the toy model whose student has these scores of classes 5, 2 and 7."""
    stored = torch.load(toy[1], weights_only=False)
    folder = tmp_path_factory.mktemp('ensemble')

    def make(*biases):
        for number, bias in enumerate(biases):
            state = dict(stored['state_dict'])
            state['student.decode_head.conv_seg.bias'] = torch.zeros(8).scatter(0, torch.tensor([5, 2, 7]), bias)
            torch.save(state, folder / f'{number}.pth')
        return [str(folder / f'{number}.pth') for number in range(len(biases))]

    return make


BIASES = torch.tensor([[9.0, 0.0, 8.0], [0.0, 9.0, 8.0], [9.0, 0.0, 8.5]])
"""The sum of logits is the largest for class 7, the mean of probabilities for class 5."""


def test_single_images(toy, checkpoints, tmp_path):
    first, *others = checkpoints(*BIASES)
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    predict = UDAInferencer(toy[0], first, device='cpu', ensemble=others)
    p = torch.zeros(3, 8).scatter(1, torch.tensor([5, 2, 7]).expand(3, -1), BIASES).softmax(1).mean(0)
    assert p.argmax() == 5 != BIASES.sum(0).argmax()
    (label,) = predict(image, out_dir=tmp_path, confidence=True)
    assert (label == 5).all()
    assert (np.asarray(Image.open(next(tmp_path.glob('confidence/*.png')))) == round(255 * p[5].item())).all()


def test_a_test(toy, checkpoints, tmp_path, monkeypatch):
    """Each network is loaded from its file, and all of them predict each image, also the first one that is tried."""
    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=1, val=2, width=64, height=32))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path))
    seen = []
    test_step = Ensemble.test_step
    monkeypatch.setattr(Ensemble, 'test_step', lambda self, data: seen.append(self) or test_step(self, data))
    first, *others = checkpoints(*BIASES)
    cfg = load_config(toy[0])
    cfg.test_dataloader.num_workers, cfg.test_dataloader.persistent_workers = 0, False
    set_work_dir(cfg, toy[0], str(tmp_path / 'run'))
    evaluate(cfg, first, label_dir=str(tmp_path / 'labels'), ensemble=others)
    found = torch.stack([net.student.decode_head.conv_seg.bias[[5, 2, 7]] for net in seen[0].networks])
    assert torch.equal(found, BIASES)
    assert not any(module.training for module in seen[-1].modules())
    labels = [np.asarray(Image.open(path)) for path in (tmp_path / 'labels').glob('*.png')]
    assert len(labels) == 2
    assert (np.stack(labels) == 5).all()


def test_views_of_an_image_are_seen_by_all(classifier, tmp_path):
    """Ten crops of each of three networks are thirty probabilities, whose mean decides."""
    config, checkpoint = classifier()
    stored = torch.load(checkpoint, weights_only=False)
    paths = [checkpoint]
    for number in range(2):
        state = {key: value + 0.3 * torch.randn_like(value) if 'head' in key else value
                 for key, value in stored['state_dict'].items()}  # fmt: skip
        torch.save(dict(stored, state_dict=state), paths[0].with_name(f'{number}.pth'))
        paths.append(paths[0].with_name(f'{number}.pth'))
    for name in ('ape', 'bee', 'cat'):
        (tmp_path / 'classes' / name).mkdir(parents=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 256, (36, 36, 3), dtype=np.uint8)).save(
            tmp_path / 'classes' / name / 'x.png'
        )

    def scores(*checkpoints):
        cfg = load_config(config)
        cfg.tta_pipeline = [
            dict(type='mmuda.LoadImage'),
            dict(type='mmuda.TenCrop', crop_size=28, transforms=[dict(type='mmpretrain.PackInputs')]),
        ]
        cfg.tta_model = dict(type='mmuda.ScoreSumTTA')
        enable_tta(cfg)
        set_work_dir(cfg, config, str(tmp_path / 'run'))
        out = tmp_path / f'out{len(checkpoints)}_{checkpoints[0].stem}'
        evaluate(cfg, str(checkpoints[0]), label_dir=str(out), ensemble=checkpoints[1:])
        rows = (out / 'predictions.csv').read_text().splitlines()[1:]
        return np.array([[float(x) for x in row.split(',')[3:]] for row in rows])

    alone = [scores(path) for path in paths]
    assert np.ptp(alone, axis=0).max() > 0.01
    np.testing.assert_allclose(scores(*paths), np.mean(alone, axis=0), atol=2e-6)


@pytest.fixture
def save(tmp_path):
    """``save(name, classes, size)`` → the checkpoint of a layer of so many classes."""

    def make(name, classes=None, size=3):
        meta = {} if classes is None else dict(dataset_meta=dict(classes=list(classes)))
        torch.save(dict(meta=meta, state_dict=torch.nn.Linear(2, size).state_dict()), tmp_path / name)
        return tmp_path / name

    return make


def ensemble(first, other):
    check_ensemble(first, [other])
    return loaded_copies(torch.nn.Linear(2, 3), [other])


@pytest.mark.parametrize(
    'other, words',
    [
        (dict(classes='axc'), r"other\.pth has other classes than \S+first\.pth: class 1 is 'x' in it and 'b' there"),
        (dict(classes='ab', size=2), "class 2 is 'none' in it and 'c' there; an ensemble averages"),
        (dict(size=2), r'other\.pth does not fit the model: weight has shape \[2, 2\] where the model wants \[3, 2\]'),
        (None, r'other\.pth'),
    ],
)
def test_what_does_not_go_together(save, other, words):
    first = save('first.pth', 'abc')
    path = first.with_name('other.pth') if other is None else save('other.pth', **other)
    with pytest.raises(UserError, match=words):
        ensemble(first, path)


@pytest.fixture
def one_process():
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


class Said(BaseModel):
    """Says its number."""

    def __init__(self, number):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(float(number)))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return [DataSample().set_pred_score(torch.stack((self.weight, 1 - self.weight)).detach()) for _ in inputs]


@pytest.mark.parametrize('augmented', [False, True])
def test_in_a_distributed_test_the_ensemble_is_within_the_wrapper(one_process, augmented):
    model = ScoreSumTTA(Said(0.9)) if augmented else Said(0.9)
    runner = SimpleNamespace(model=MMDistributedDataParallel(model, device_ids=None))
    EnsembleHook([Said(0.2), Said(0.1)]).before_test(runner)
    data = dict(inputs=[[torch.zeros(1)], [torch.zeros(1)]]) if augmented else dict(inputs=[torch.zeros(1)])
    assert isinstance(runner.model, MMDistributedDataParallel)
    (found,) = runner.model.test_step(data)
    torch.testing.assert_close(found.pred_score, torch.tensor([0.4, 0.6]))
    assert found.pred_label.item() == 1


def test_copies_are_networks_of_their_own(save):
    other = save('other.pth', 'abc')
    model = torch.nn.Linear(2, 3)
    before = model.weight.clone()
    (copy,) = loaded_copies(model, [other])
    assert torch.equal(copy.weight, torch.load(other, weights_only=True)['state_dict']['weight'])
    assert torch.equal(model.weight, before)
