"""Writing predictions of a test run."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from odd_files import ODD_NAMES
from PIL import Image

from mmuda.apis import UserError
from mmuda.apis.predictions import Classified, PredictionWriter, as_rgb, check_prediction_folders, prediction_table
from mmuda.datasets.listing import list_files
from mmuda.datasets.transforms import LoadImage

FILES = ('aachen/1.jpg', 'bonn/1.jpg', 'bonn/2.png', 'bonn/2.jpg')


class Dataset(SimpleNamespace):
    """Images below one folder; some are links to elsewhere."""

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return dict(img_path=self.paths[index])


@pytest.fixture
def run(tmp_path):
    """A runner over four images, two of them called alike but for the folder, two but for the suffix."""
    for number, name in enumerate(FILES):
        path, stored = tmp_path / 'images' / name, tmp_path / 'stored' / f'{number}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        stored.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((6, 8, 3), 100, np.uint8)).save(stored)
        path.symlink_to(stored)
    dataset = Dataset(
        paths=[str(tmp_path / 'images' / name) for name in FILES],
        data_prefix=dict(img_path=str(tmp_path / 'images')),
        metainfo=dict(classes=['a', 'b', 'c', 'd'], palette=np.array([[0, 0, 0], [200, 0, 100]] * 2)),
        pipeline=SimpleNamespace(transforms=[LoadImage()]),
    )
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))


def segmented(run):
    from mmseg.structures import SegDataSample

    samples = []
    for number, path in enumerate(run.test_dataloader.dataset.paths):
        sample = SegDataSample(metainfo=dict(img_path=path))
        sample.pred_sem_seg = PixelData(data=torch.full((1, 6, 8), number))
        samples.append(sample)
    return samples


def classified(run):
    from mmpretrain.structures import DataSample

    samples = []
    for number, path in enumerate(run.test_dataloader.dataset.paths):
        scores = torch.eye(4)[number] * 0.6 + 0.1
        samples.append(DataSample(metainfo=dict(img_path=path)).set_pred_label(number).set_pred_score(scores))
    return samples


def write(run, outputs, **folders):
    writer = PredictionWriter(**folders)
    writer.before_test(run)
    for start in range(0, len(outputs), 2):
        writer.after_test_iter(run, start, outputs=outputs[start : start + 2])
    writer.after_test(run)


def test_every_image_has_its_own_file_also_when_it_is_a_link(run, tmp_path):
    write(run, segmented(run), label_dir=str(tmp_path / 'labels'))
    names = ['aachen/1.png', 'bonn/1.png', 'bonn/2.png.png', 'bonn/2.jpg.png']
    for number, name in enumerate(names):
        label = np.asarray(Image.open(tmp_path / 'labels' / name))
        assert label.shape == (6, 8)
        assert (label == number).all()
    assert not (tmp_path / 'pictures').exists()
    assert len(list_files(tmp_path / 'labels').names) == 4
    assert list_files(tmp_path).left_out['labels'] == 'predictions'


def test_pictures_mix_image_and_colours(run, tmp_path):
    write(run, segmented(run), overlay_dir=str(tmp_path / 'pictures'))
    assert (np.asarray(Image.open(tmp_path / 'pictures/bonn/1.png')) == [150, 50, 100]).all()


def test_images_from_elsewhere_have_names_of_their_own(run, tmp_path):
    run.test_dataloader.dataset.data_prefix = dict(img_path=str(tmp_path / 'other'))
    write(run, segmented(run), label_dir=str(tmp_path / 'labels'))
    assert len(list_files(tmp_path / 'labels').names) == 4
    assert (tmp_path / 'labels/aachen/1.png').is_file()


def test_an_image_that_two_joined_sets_share_is_written_once(run, tmp_path):
    run.test_dataloader.dataset.paths *= 2
    write(run, segmented(run), label_dir=str(tmp_path / 'labels'))
    assert len(list_files(tmp_path / 'labels').names) == 4


def test_images_that_are_no_predictions_are_left_alone(run, tmp_path):
    write(run, segmented(run), label_dir=str(tmp_path / 'labels'))
    free = (tmp_path / 'labels', tmp_path / 'new', None)
    check_prediction_folders(free)
    (tmp_path / 'mine' / 'deep').mkdir(parents=True)
    (tmp_path / 'mine' / 'notes.txt').touch()
    check_prediction_folders([tmp_path / 'mine'])
    (tmp_path / 'mine' / 'deep' / 'a.PNG').touch()
    with pytest.raises(UserError, match=r'mine holds 1 images that are no predictions, such as deep/a\.PNG, and'):
        check_prediction_folders([*free, tmp_path / 'mine'])


def test_a_classifier_s_table(run, tmp_path):
    write(run, classified(run), label_dir=str(tmp_path / 'out'))
    with open(tmp_path / 'out/predictions.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'] for row in rows] == run.test_dataloader.dataset.paths
    assert [row['class'] for row in rows] == ['a', 'b', 'c', 'd']
    assert [(row['score'], row['a']) for row in rows] == [('0.700000', '0.700000')] + [('0.700000', '0.100000')] * 3


def test_any_name_of_an_image_has_its_line(tmp_path):
    for _ in range(2):
        table = prediction_table(tmp_path, ['a', 'b', *ODD_NAMES])
        for name in ODD_NAMES:
            table.add(name, ['a', '1', *'0' * (2 + len(ODD_NAMES))])
        table.close()
        with open(table.path, newline='', encoding='utf-8', errors='surrogateescape') as file:
            header, *rows = csv.reader(file)
        assert header[3:] == ['a', 'b', *ODD_NAMES]
        assert [row[0] for row in rows] == list(ODD_NAMES)


def test_another_run_adds_to_the_table(run, tmp_path):
    """As its label maps would stand beside each other."""
    outputs, out = classified(run), tmp_path / 'out/predictions.csv'
    write(run, outputs[:2], label_dir=str(tmp_path / 'out'))
    before = out.read_text()
    write(run, outputs[2:], label_dir=str(tmp_path / 'out'))
    assert out.read_text().startswith(before)
    assert len(out.read_text().split('\n')) == 6
    write(run, outputs[:1], label_dir=str(tmp_path / 'out'))
    assert [line.split(',')[1] for line in out.read_text().split('\n')[1:-1]] == ['b', 'c', 'd', 'a']
    run.test_dataloader.dataset.metainfo['classes'] = ['x', 'b', 'c', 'd']
    with pytest.raises(
        UserError, match=r'out/predictions\.csv is a table of a, b, c, d, but this model knows x, b, c, d'
    ):
        write(run, outputs, label_dir=str(tmp_path / 'out'))


def test_a_line_is_there_as_soon_as_it_is_added(tmp_path):
    """What a killed process has cut is left out when the table is gone on with."""
    row = Classified(1, 'b', np.array([0.25, 0.75], np.float32))
    killed = prediction_table(tmp_path / 'out', ['a', 'b'])
    assert list(tmp_path.iterdir()) == []
    killed.add('1.png', row.cells())
    with open(killed.path, 'a') as file:
        file.write('2.png,b,0.7')
    again = prediction_table(tmp_path / 'out', ['a', 'b'])
    again.add('3.png', row.cells())
    again.close()
    lines = ['image,class,score,a,b', *(f'{name}.png,b,0.750000,0.250000,0.750000' for name in '13')]
    assert killed.path.read_text() == '\n'.join([*lines, ''])


@pytest.mark.parametrize('shape', [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 6)])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_a_picture_of_whatever_was_loaded(shape, dtype):
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    picture = as_rgb(image)
    assert (picture.shape, picture.dtype) == ((4, 5, 3), np.uint8)
    if dtype == np.uint8:
        bands = np.atleast_3d(image)
        assert (picture == (bands[..., 2::-1] if bands.shape[2] > 2 else bands[..., [0, 0, 0]])).all()
    else:
        assert picture.max() == 255
