"""`docs/add_a_method.md` is three files; written where they belong, they are a method that trains."""

import importlib.util
import re
import shutil

import pytest
import torch
from mmengine.registry import DefaultScope

for library in ('mmpretrain', 'torchvision'):
    pytest.importorskip(library)

from mmuda.apis import load_config
from mmuda.apis.preflight import check_config
from mmuda.registry import MODELS


def files(page: str) -> dict[str, str]:
    """The blocks that stand under the name of a file."""
    return dict(re.findall(r'^`([\w/.-]+\.py)`\n\n```python\n(.*?)^```', page, re.MULTILINE | re.DOTALL))


@pytest.fixture
def coral(repo, tmp_path, monkeypatch):
    """The page's config, in a copy of the bases; its term is registered for this test."""
    blocks = files((repo / 'docs' / 'add_a_method.md').read_text())
    shutil.copytree(repo / 'configs' / '_base_', tmp_path / 'configs' / '_base_')
    for name, text in blocks.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    part, method, leaf = blocks
    assert method.startswith('configs/_base_/methods/')
    module = part.removesuffix('.py').replace('/', '.')
    monkeypatch.setattr(MODELS, '_module_dict', dict(MODELS.module_dict))
    spec = importlib.util.spec_from_file_location(module, tmp_path / part)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return load_config(tmp_path / leaf)


def test_the_page_is_a_method_that_trains(coral):
    from mmpretrain.structures import DataSample

    check_config(coral, 'train')
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(coral.model).train()
    samples, inputs = [], []
    for number, domain in enumerate(['source', 'target'] * 3):
        sample = DataSample(metainfo=dict(domain=domain, img_path=f'{number}.png'))
        samples.append(sample.set_gt_label(number if domain == 'source' else -100))
        inputs.append(torch.randint(0, 256, (1, 28, 28), dtype=torch.uint8))
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=samples), training=True)
    losses = model(**data, mode='loss')
    assert losses.keys() == {'loss_source', 'loss_coral'}
    features = model.eval().student.backbone(data['inputs'])[-1].double()
    sum(losses.values()).backward()
    assert losses['loss_coral'] > 0
    assert features.shape == (6, 500)
    assert all(parameter.grad is not None for parameter in model.student.parameters())
