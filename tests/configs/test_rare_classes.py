"""How rare classes are sampled: what a data config says is what counts, and it is the papers'."""

from pathlib import Path

import pytest
from mmengine.config import Config

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
RARE = sorted(path.stem for path in BASES.glob('*.py') if 'RareClassSampler' in path.read_text())
RARE += ['gta2cityscapes_1024x1024', 'synthia2cityscapes_1024x1024', 'gta2cityscapes_1120x1120']  # from their bases
PAPERS = dict(  # temperature, pixels of an image, of a crop, tries
    gta2cityscapes_512x512=(0.01, 3000, 1500, 10),
    synthia2cityscapes_512x512=(0.01, 3000, 1500, 10),
    gta2cityscapes_1024x1024=(0.01, 3000, 6000, 10),
    synthia2cityscapes_1024x1024=(0.01, 3000, 6000, 10),
    gta2cityscapes_1120x1120=(0.05, 3000, 3000 * 1120**2 // (512 * 1024), 20),
)


def rule(name: str) -> tuple[float, int, int, int]:
    """Temperature, pixels of an image, pixels of a crop by either option, tries."""
    loader = Config.fromfile(BASES / f'{name}.py').train_dataloader
    sampler, data = loader.sampler, loader.dataset
    least = sampler.get('min_pixels', 3000)
    by_share = int(data.get('rare_class_ratio', 0.5) * least)
    crop = data.get('rare_class_min_pixels', 1500)
    assert crop <= by_share, f'rare_class_min_pixels={crop} has no effect: rare_class_ratio makes it {by_share}'
    return sampler.get('temperature', 0.01), least, crop, data.get('rare_class_retries', 10)


@pytest.mark.parametrize('name', sorted({*RARE}))
def test_the_pixels_of_a_crop_are_not_cut_down_by_the_ratio(name):
    assert rule(name)


@pytest.mark.parametrize('name', PAPERS)
def test_the_papers_numbers(name):
    assert rule(name) == PAPERS[name]
