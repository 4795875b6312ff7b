"""docs/datasets.md: every block of Python is a config that starts, and every set and config of its table exists."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from published_sets import CONFIGS, CONVERTERS, SETS, conversion_of, convert_published, converter, photograph

from mmuda.apis import load_config
from mmuda.apis.command_line import parse_option
from mmuda.apis.preflight import check_training
from mmuda.registry import DATASETS, METRICS, MODELS

PAGE = Path(__file__).parents[1] / 'docs' / 'datasets.md'
TEXT = PAGE.read_text(encoding='utf-8')
FOUND = list(re.finditer(r'```python\n(.*?)```', TEXT, re.DOTALL))
SNIPPETS = [found[1] for found in FOUND]
TITLES = [re.findall(r'^#+ (.*)$', TEXT[: found.start()], re.MULTILINE)[-1] for found in FOUND]
DOMAINS = ('shop', 'webcam', 'photo', 'art', 'cartoon', 'sketch')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A working directory with `data/mine` as the page describes it, and the public sets that it speaks of."""
    root = tmp_path_factory.mktemp('docs')
    for name in ('camvid', 'pacs', 'synthia', 'cityscapes'):
        convert_published(name, root)
    mine = root / 'data' / 'mine'
    for domain in DOMAINS:
        for number in range(16):
            write(mine / domain / ('mug', 'bike')[number % 2] / f'{number}.png', photograph(number))
    ids = np.random.default_rng(0)
    for part, count in (('day', 4), ('dusk', 4), ('dusk_val', 2)):
        for number in range(count):
            write(mine / part / 'images' / f'{number}.png', photograph(number))
            label = ids.choice([7, 8, 26, 23, 0, 99], (32, 40)).astype(np.uint8)
            write(mine / part / 'labels' / f'{number}.png', cv2.imencode('.png', label)[1].tobytes())
    write(mine / 'classes.json', re.search(r'```json\n(.*?)```', TEXT, re.DOTALL)[1].encode())
    return root


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def config(folder, repo, monkeypatch):
    """A block of the page, saved and loaded as it says."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv('MMUDA_DATA', raising=False)

    def make(snippet: str) -> Config:
        path = folder / 'snippet.py'
        path.write_text(snippet.replace("'../", f"'{repo}/configs/"), encoding='utf-8')
        cfg = load_config(path)
        forget_weights(cfg.model)
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.update(num_workers=0, persistent_workers=False)
        if 'min_pixels' in cfg.train_dataloader.sampler:  # for pictures of 32×40
            cfg.train_dataloader.sampler.min_pixels = cfg.train_dataloader.dataset.rare_class_min_pixels = 1
        return cfg

    return make


def forget_weights(node) -> None:
    if isinstance(node, dict):
        node.pop('init_cfg', None)
        for value in node.values():
            forget_weights(value)


@pytest.mark.parametrize('snippet', SNIPPETS, ids=TITLES)
def test_a_block_is_a_config_that_starts(config, snippet):
    cfg = config(snippet)
    check_training(cfg)
    with DefaultScope.overwrite_default_scope('mmuda'):
        batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
        assert len(batch['data_samples']) == cfg.train_dataloader.batch_size
        scored = next(iter(Runner.build_dataloader(cfg.val_dataloader)))
        assert len(scored['data_samples']) >= 1
        METRICS.build(cfg.val_evaluator)
        assert cfg.val_dataloader == cfg.test_dataloader
        assert cfg.val_evaluator == cfg.test_evaluator
        if 'tta_pipeline' in cfg:
            image = scored['data_samples'][0].img_path
            assert len(Compose(cfg.tta_pipeline)(dict(img_path=image))['inputs']) == 10
            assert MODELS.get(cfg.tta_model.type)


def test_nothing_is_left_to_guess():
    assert [title for title, snippet in zip(TITLES, SNIPPETS) if re.search(r'\.\.\.(?!/)', snippet)] == []


def test_ones_own_labels_are_read_by_the_class_mapping_file(config):
    cfg = config(SNIPPETS[0])
    with DefaultScope.overwrite_default_scope('mmuda'):
        batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=1)))
        assert [sample.domain for sample in batch['data_samples']] == ['source', 'target'] * 4
        values = {int(v) for sample in batch['data_samples'][::2] for v in sample.gt_sem_seg.data.unique()}
        assert {0, 1, 2} <= values <= {0, 1, 2, 255}
        scored = list(Runner.build_dataloader(cfg.val_dataloader))
    assert [one['data_samples'][0].gt_sem_seg.shape for one in scored] == [(32, 40)] * 2


def test_ones_own_photographs_are_a_leaf_with_options(folder, repo, monkeypatch):
    monkeypatch.chdir(folder)
    (words,) = re.findall(r'--cfg-options (root=.*)$', TEXT, re.MULTILINE)
    options = dict(map(parse_option, shlex.split(words.replace('webcam_val', 'webcam')))) | {'size': 32}
    for leaf in ('cdan/cdan_resnet50_folders', 'source_only/source-only_resnet50_folders'):
        cfg = load_config(repo / 'configs' / f'{leaf}.py', options)
        check_training(cfg)
        assert cfg.model.get('student', cfg.model).head.num_classes == 2
        cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=8)
        with DefaultScope.overwrite_default_scope('mmuda'):
            batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
        assert batch['inputs'][0].shape == (3, 32, 32)


def rows() -> list[list[str]]:
    """The cells of the table of public data sets."""
    section = TEXT[TEXT.index('## Public data sets') :]
    lines = [line for line in section[: section.index('```\ndata/')].splitlines() if line.startswith('|')]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines[2:]]


def test_the_table_names_what_there_is():
    types, configs, commands = (' '.join(column) for column in list(zip(*rows()))[1:4])
    for pattern in re.findall(r'`([^`]+)`', configs):
        assert list(CONFIGS.glob(pattern if pattern.endswith(('.py', '*')) else f'{pattern}*')), pattern
    scripts = set(re.findall(r'`(\w+)\.py', commands))
    assert scripts == {path.stem for path in CONVERTERS.glob('*.py') if '__main__' in path.read_text()}
    assert set(re.findall(r'`unpack\.py (\w+)', commands)) == set(converter('unpack').SETS)
    for name in re.findall(r'`(\w+)`', types):
        assert DATASETS.get(f'mmuda.{name}'), name


@pytest.mark.parametrize('name', [name for name in SETS if name != 'cifar10'])  # its files hold 10,000 images each
def test_the_table_s_numbers_are_those_that_converters_count(name):
    """One by one, or the sum of two."""
    published = SETS[name]
    command = f'unpack.py {published.key}' if published.key else f'{published.script}.py'
    (row,) = [row for row in rows() if f'`{command}' in row[3]]
    numbers = conversion_of(name).published.values()
    counted = {f'{one + other:,}' for one in numbers for other in (0, *numbers)}
    shown = set(re.findall(r'[\d,]*\d', row[4]))
    assert shown <= counted
    assert bool(shown) == bool(row[4])
