"""Tools that a user of mmseg looks for: they do their work on a toy run, and bad input ends in one sentence."""

import hashlib
import importlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip('mmseg')

from mmengine.config import Config

from mmuda.apis import UserError, load_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.registry import MODELS


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=6, val=2, width=64, height=32))
    return root


@pytest.fixture
def call(data, repo, monkeypatch, capsys):
    """``call(tool, *arguments)`` → what the tool printed."""
    monkeypatch.setenv('MMUDA_DATA', str(data))
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'analysis_tools'))
    monkeypatch.chdir(repo / 'configs')

    def _call(name, *args):
        monkeypatch.setattr('sys.argv', [name, *map(str, args)])
        importlib.import_module(name).main()
        return capsys.readouterr().out

    return _call


@pytest.fixture(scope='module')
def checkpoint(repo, tmp_path_factory):
    """A checkpoint as a training leaves it, of a network that has learnt nothing."""
    path = tmp_path_factory.mktemp('run') / 'iter_1.pth'
    cfg = load_config(repo / 'configs/dacs/dacs_segformer_toy.py')
    state = MODELS.build(cfg.model).state_dict()
    meta = dict(iter=1, cfg='data_root = "/home/me"', dataset_meta=dict(classes=('road', 'sky')))
    moments = [torch.zeros_like(value) for value in state.values()] * 2
    torch.save(dict(state_dict=state, meta=meta, optimizer=moments, message_hub={}), path)
    return path


def work_dir(root, rows):
    path = root / '2026' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, rows)))
    return root


VIEWS = {  # panels of a row: source and its label, target, then what the method makes
    'dacs/dacs_segformer_toy': ['target: label', 'pasted', 'pasted: label', 'pasted: weight', 'mixed'],
    'stct/stct_segformer_toy': ['source, changed', 'target, changed', 'target: label'],
    'fda/fda_segformer_toy': ['source, changed'],
    'source_only/source-only_segformer_toy': None,
}


@pytest.mark.parametrize('leaf', VIEWS)
def test_both_domains_and_all_views_are_drawn(call, leaf, tmp_path, monkeypatch):
    rows = []
    tool = importlib.import_module('browse_dataset')
    draw = tool.views_figure
    monkeypatch.setattr(tool, 'views_figure', lambda *args: (rows.extend(args[0]), draw(*args))[1])
    options = ['--cfg-options', 'crop_size=(32,64)', 'train_dataloader.batch_size=4']
    out = call('browse_dataset', f'{leaf}.py', '--out', tmp_path / 'views', '--rows', 2, '--dpi', 40, *options)
    picture = tmp_path / 'views' / 'batch_0.png'
    assert out == f'{picture}\n'
    assert np.asarray(Image.open(picture).convert('L')).std() > 5
    assert len(rows) == 2
    titles = [panel.title.partition(' 0.')[0].removesuffix(', weight') for panel in rows[0]]
    both = [] if VIEWS[leaf] is None else ['target', *VIEWS[leaf]]
    assert titles == ['source', 'source: label', *both]


def test_a_view_is_the_loaded_image_again_where_it_was_not_changed(call, tmp_path, monkeypatch):
    """What a maker pastes from is shown as it was loaded: the panels undo normalisation and the order of channels."""
    rows = []
    tool = importlib.import_module('browse_dataset')
    monkeypatch.setattr(
        tool,
        'views_figure',
        lambda rows_, *_: rows.extend(rows_) or importlib.import_module('matplotlib.figure').Figure(),
    )
    call('browse_dataset', 'dacs/dacs_segformer_toy.py', '--out', tmp_path, '--cfg-options', 'crop_size=(32,64)')
    for row in rows:
        panels = {panel.title.partition(' 0.')[0]: panel.picture for panel in row}
        height, width = panels['source'].shape[:2]
        pasted = panels['pasted'][:height, :width].astype(int)
        from_source = (abs(pasted - panels['source']) <= 1).all(-1)
        target = np.zeros_like(pasted)
        part = panels['target'][:height, :width]
        target[: part.shape[0], : part.shape[1]] = part
        assert (from_source | (abs(pasted - target) <= 1).all(-1)).mean() > 0.95
        assert 0.1 < from_source.mean() < 1


def test_classes_and_weights_of_images_stand_in_titles(call):
    browser = importlib.import_module('browse_dataset').Browser(torch.nn.Identity(), dict(classes=('mug', 'bike')))
    image, weight = np.zeros((4, 4, 3), np.uint8), torch.tensor(0.25)
    (panel,) = browser.panels('target, changed', image, torch.tensor(1), weight)
    assert panel.title == 'target, changed: bike, weight 0.25'
    assert browser.panels('source', image, torch.tensor(-100))[0].title == 'source: no class'
    assert browser.legend() == {}


def test_a_config_is_printed_as_a_config(call, tmp_path):
    text = call('print_config', 'stct/stct_segformer_toy.py', '--cfg-options', 'train_cfg.max_iters=7')
    (tmp_path / 'again.py').write_text(text)
    again = Config.fromfile(tmp_path / 'again.py')
    assert again.train_cfg.max_iters == 7
    assert again.model == load_config('stct/stct_segformer_toy.py').model
    part = call('print_config', 'stct/stct_segformer_toy.py', '--key', 'train_dataloader.sampler.ratio')
    assert part == 'ratio = (\n    1,\n    1,\n)\n'
    assert call('print_config', 'stct/stct_segformer_toy.py', '--key', 'custom_hooks.0').startswith(
        'custom_hooks = dict('
    )
    call('print_config', 'stct/stct_segformer_toy.py', '--graph', '--out', tmp_path / 'graph.txt')
    assert (tmp_path / 'graph.txt').read_text().startswith('SelfTrainingUDA(')


def test_confusions_of_a_run(call, checkpoint, tmp_path):
    out = tmp_path / 'confusion.png'
    config = 'dacs/dacs_segformer_toy.py'
    printed = call('confusion_matrix', config, checkpoint, '--out', out, '--dpi', 40, '--largest', 3).splitlines()
    assert printed[0] == '| true | taken for | % |'
    assert len([line for line in printed if line.startswith('|')]) <= 2 + 3
    assert printed[-1] == f'{out}: 2 images'
    assert np.asarray(Image.open(out).convert('L')).std() > 5


def test_a_published_model_has_weights_and_classes_alone(call, checkpoint, tmp_path):
    plain = call('publish_model', checkpoint, tmp_path / 'new' / 'dacs.pth')
    small = call('publish_model', checkpoint, tmp_path / 'small.pth', '--without-teacher')
    for line in (plain, small):
        path = tmp_path / line.partition(':')[0]
        assert path.stem.rpartition('-')[2] == hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    content = torch.load(tmp_path / plain.partition(':')[0], weights_only=True)
    assert content.keys() == {'state_dict', 'meta'}
    assert content['meta'].keys() == {'dataset_meta', 'mmuda_version', 'iter'}
    assert content['meta']['dataset_meta'] == dict(classes=('road', 'sky'))
    before = torch.load(checkpoint, weights_only=True)['state_dict']
    assert content['state_dict'].keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in content['state_dict'].items())
    state = torch.load(tmp_path / small.partition(':')[0], weights_only=True)['state_dict']
    assert state.keys() == {key for key in before if not key.startswith('teacher.')}
    assert [path.name for path in (tmp_path / 'new').iterdir()] == [(tmp_path / plain.partition(':')[0]).name]


def test_a_line_a_run(call, tmp_path):
    steps = [
        dict(step=s, lr=0.1, loss=2.0 - s / 10, time=0.2 + s / 100, data_time=0.1, memory=900 + s) for s in range(1, 11)
    ]
    work_dir(tmp_path / 'a', [*steps, {'step': 10, 'mIoU': 51.25, 'time': 0.3}])
    work_dir(tmp_path / 'b', steps[:1])
    assert call('analyze_logs', f'{tmp_path}/*').splitlines() == [
        '| run | steps | s a step | of it data | GPU MB | loss | mIoU |',
        '| --- | --- | --- | --- | --- | --- | --- |',
        f'| {tmp_path}/a | 10 | 0.255 | 39 % | 910 | 1.0000 | 51.25 |',
        f'| {tmp_path}/b | 1 | 0.210 | 48 % | 901 | 1.9000 | – |',
    ]
    assert '| run | steps | s a step | of it data | GPU MB | lr |' in call(
        'analyze_logs', tmp_path / 'a', '--keys', 'lr'
    )


def test_runs_shorter_than_an_interval_of_the_log_are_named(call, tmp_path):
    work_dir(tmp_path / 'long', [dict(step=50, lr=0.1, loss=2.0, time=0.2), {'step': 60, 'mIoU': 51.25}])
    work_dir(tmp_path / 'short', [{'step': 10, 'mIoU': 50.0}])
    lines = call('analyze_logs', f'{tmp_path}/*').splitlines()
    assert lines[3:5] == [f'| {tmp_path}/short | 10 | – | – | – | – | 50.00 |', '']
    assert lines[5].startswith(f'No times and no losses (–) of {tmp_path}/short: no training step is logged before ')
    assert len(lines) == 6


TOY = 'dacs/dacs_segformer_toy.py'
WRONG = {  # tool, arguments, sentence
    'no config': ('browse_dataset', ['gone.py', '--out', 'TMP/x'], 'config file gone.py does not exist'),
    'a part': (
        'browse_dataset',
        ['_base_/models/segformer_mit-b0.py', '--out', 'TMP/x'],
        'has no train_dataloader, and',
    ),
    'no folder': ('browse_dataset', [TOY, '--out', 'TMP/file/x'], '--out TMP/file/x cannot be made'),
    'no weights': (
        'browse_dataset',
        [TOY, '--out', 'TMP/x', '--checkpoint', 'TMP/gone.pth'],
        'gone.pth does not exist',
    ),
    'no key': (
        'print_config',
        [TOY, '--key', 'model.term'],
        "there is no 'term' in model, it has .*did you mean 'terms'",
    ),
    'below a value': ('print_config', [TOY, '--key', 'log_level.x'], "there is no 'x' in log_level, it is a value"),
    'no entry': ('print_config', [TOY, '--key', 'custom_hooks.9'], "there is no '9' in custom_hooks, it has 0"),
    'itself': ('print_config', [TOY, '--out', TOY], 'is the file that is read: give another name'),
    'no picture': ('confusion_matrix', [TOY, 'CHECKPOINT', '--out', 'TMP/x'], 'has no suffix of a picture'),
    'no checkpoint': ('confusion_matrix', [TOY, 'TMP/gone.pth', '--out', 'TMP/x.png'], 'gone.pth does not exist'),
    'no labels': (
        'confusion_matrix',
        [
            TOY,
            'CHECKPOINT',
            '--out',
            'TMP/x.png',
            '--cfg-options',
            'test_dataloader.dataset.data_prefix.seg_map_path=None',
        ],
        'the test images have no labels to compare with',
    ),
    'no name': ('publish_model', ['CHECKPOINT', 'TMP/x.pt'], r'OUT TMP/x.pt does not end in .pth: give such a name'),
    'no state': ('publish_model', ['TMP/file', 'TMP/x.pth'], 'checkpoint TMP/file cannot be read'),
    'no teacher': ('publish_model', ['TMP/plain.pth', 'TMP/x.pth', '--without-teacher'], 'plain.pth has no teacher'),
    'no run': ('analyze_logs', ['TMP/gone*'], r"'TMP/gone\*' finds nothing: give work directories of trainings"),
    'no log': ('analyze_logs', ['TMP'], "'TMP' finds 1 folders without a log: give work directories"),
    'not logged': ('analyze_logs', ['TMP/run', '--keys', 'mIoU'], "no run has logged 'mIoU': choose of loss, step"),
}


@pytest.mark.parametrize(('tool', 'arguments', 'sentence'), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence(call, checkpoint, tmp_path, tool, arguments, sentence):
    (tmp_path / 'file').write_text('text')
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'plain.pth')
    work_dir(tmp_path / 'run', [dict(step=1, loss=1.0)])
    places = dict(TMP=str(tmp_path), CHECKPOINT=str(checkpoint))
    for word, place in places.items():
        arguments = [argument.replace(word, place) for argument in arguments]
        sentence = sentence.replace(word, place)
    with pytest.raises(UserError, match=sentence):
        call(tool, *arguments)
    assert not list(tmp_path.glob('x*'))
