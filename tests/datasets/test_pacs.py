"""PACS: lists whose numbers begin with 1, and the image that is left out."""

import pytest

from mmuda.datasets import PACS, DataError


@pytest.fixture
def build(tmp_path):
    (tmp_path / 'splits').mkdir()
    lines = 'sketch/dog/a.png 1\nsketch/person/b.png 7\nsketch/dog/n02103406_4068-1.png 1\nsketch/horse/c.png 5\n'
    (tmp_path / 'splits' / 'sketch_train_kfold.txt').write_text(lines)
    for line in lines.splitlines():
        path = tmp_path / 'images' / line.split()[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def make(ann_file='splits/sketch_train_kfold.txt', **options):
        return PACS(data_root=str(tmp_path), data_prefix=dict(img_path='images'), ann_file=ann_file, **options)

    return make


@pytest.mark.parametrize('labelled', [True, False])
def test_numbers_begin_with_one_and_one_image_is_left_out(build, labelled):
    dataset = build(labelled=labelled)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['img_path'].rsplit('/', 1)[1] for info in infos] == ['a.png', 'b.png', 'c.png']
    assert [info.get('gt_label') for info in infos] == ([0, 6, 4] if labelled else [None] * 3)
    assert dataset.metainfo['classes'][4] == 'horse'


@pytest.mark.parametrize('number', [0, 8])
def test_other_numbers_are_refused(build, tmp_path, number):
    (tmp_path / 'splits' / 'bad.txt').write_text(f'sketch/dog/a.png {number}')
    with pytest.raises(DataError, match=r"bad\.txt' does not end in a class number from 1 to 7"):
        build('splits/bad.txt')
