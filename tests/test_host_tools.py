"""What mmseg and mmpretrain do with a config, they do with ours, in a process that never heard of our tools."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

REPO = Path(__file__).resolve().parents[1]
SCRIPT = """
import json, sys
from mmuda import compat

compat.apply()  # what mmcv needs where it has no compiled operators
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.apis import get_model
from mmseg.apis import init_model
from mmseg.registry import DATASETS, MODELS, VISUALIZERS

(configs,) = sys.argv[1:]
found = {}
for name in ('stct/stct_segformer_toy', 'source_only/source-only_segformer_toy'):  # init_model, print_config --graph
    found[name] = type(init_model(f'{configs}/{name}.py', device='cpu')).__name__
for name in ('dann/dann_lenet_mnist2usps', 'mcd/mcd_lenet_mnist2usps', 'source_only/source-only_lenet_mnist2usps'):
    found[name] = type(get_model(f'{configs}/{name}.py', device='cpu')).__name__
init_default_scope('mmseg')
cfg = Config.fromfile(f'{configs}/dacs/dacs_segformer_toy.py')
found['get_flops'] = type(MODELS.build(cfg.model)).__name__  # it builds in mmseg's scope
cfg.visualizer.name = 'browse'  # browse_dataset
dataset, visualizer = DATASETS.build(cfg.train_dataloader.dataset), VISUALIZERS.build(cfg.visualizer)
visualizer.dataset_meta = dataset.METAINFO
item = dataset[0]
image = item['inputs'].permute(1, 2, 0).numpy()[..., ::-1].copy(order='C')  # mmseg's own stumbles over OpenCV 5
visualizer.add_datasample('day', image, item['data_samples'].numpy(), draw_pred=False, out_file='day.png')
found['browse_dataset'] = len(visualizer.dataset_meta['classes'])
print(json.dumps(found))
"""


@pytest.fixture(scope='module')
def toy_data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(root, ToyStreetsSpec(train=2, val=1))
    return root


def test_host_tools_take_our_configs(toy_data):
    environment = os.environ | dict(MMUDA_DATA=str(toy_data), PYTHONPATH=str(REPO))
    command = [sys.executable, '-c', SCRIPT, str(REPO / 'configs')]
    done = subprocess.run(command, env=environment, cwd=toy_data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        'stct/stct_segformer_toy': 'SelfTrainingUDA',
        'source_only/source-only_segformer_toy': 'EncoderDecoder',
        'dann/dann_lenet_mnist2usps': 'UDAModel',
        'mcd/mcd_lenet_mnist2usps': 'MCDUDA',
        'source_only/source-only_lenet_mnist2usps': 'ImageClassifier',
        'get_flops': 'SelfTrainingUDA',
        'browse_dataset': 8,
    }
    colours = {tuple(colour) for colour in np.array(Image.open(toy_data / 'day.png').convert('RGB')).reshape(-1, 3)}
    assert len(colours) > 100  # the picture and its labels over it
