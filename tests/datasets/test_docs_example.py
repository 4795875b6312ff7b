"""The example of docs/datasets.md, as it stands there: own images in ten lines of config."""

import re
from itertools import islice

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner


@pytest.fixture
def documented(repo):
    """(the config's text, the class-mapping file's text)."""
    text = (repo / 'docs' / 'datasets.md').read_text(encoding='utf-8')
    section = text[text.index('## Your own street images') :]
    return tuple(re.search(rf'```{kind}\n(.*?)```', section, re.S)[1] for kind in ('python', 'json'))


@pytest.fixture
def config(repo, documented, make_folder, tmp_path):
    root = tmp_path / 'mine'
    for name, count in (('day', 4), ('dusk', 3), ('dusk_val', 2)):
        folder = make_folder(f'mine/{name}', count)
        for i in range(count):
            folder.label(f'{i:03d}', np.random.default_rng(i).choice([7, 8, 26, 23, 0, 99], (20, 24)))
    (root / 'classes.json').write_text(documented[1])
    text = documented[0].replace("'../_base_/", f"'{repo}/configs/_base_/").replace(', ...]', ']')
    (tmp_path / 'leaf.py').write_text(text.replace('data/mine', str(root)))
    return Config.fromfile(tmp_path / 'leaf.py')


def test_it_is_ten_lines(documented):
    assert len(documented[0].strip().splitlines()) == 10


def test_it_trains_and_scores_on_ones_own_images(config):
    config.merge_from_dict({'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False})
    config.train_dataloader.sampler.update(min_pixels=1)
    with DefaultScope.overwrite_default_scope('mmuda'):
        loader = Runner.build_dataloader(config.train_dataloader, seed=1)
        batch = next(iter(loader))
        assert [sample.domain for sample in batch['data_samples']] == ['source', 'target'] * (
            config.train_dataloader.batch_size // 2
        )
        values = {int(v) for sample in batch['data_samples'][::2] for v in sample.gt_sem_seg.data.unique()}
        assert {0, 1, 2} <= values <= {0, 1, 2, 255}
        config.val_dataloader.update(num_workers=0, persistent_workers=False)
        scored = list(islice(Runner.build_dataloader(config.val_dataloader), 5))
    assert len(scored) == 2
    assert scored[0]['data_samples'][0].gt_sem_seg.shape == (20, 24)
