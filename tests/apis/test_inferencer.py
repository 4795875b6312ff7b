"""Predictions on images that belong to no data set."""

import csv
import itertools
import json

import numpy as np
import pytest
import torch
from odd_files import odd_files
from PIL import Image

from mmuda.apis import UDAInferencer, UserError, load_config
from mmuda.apis.inferencer import SomeImagesFailed


@pytest.fixture(scope='module')
def student(toy):
    return UDAInferencer(*toy, device='cpu')


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)


def test_an_array_gives_a_label_map_of_its_size(student, image):
    (label,) = student(image)
    assert label.shape == (50, 70)
    assert label.dtype == np.uint8
    assert (label == 5).all()


def test_the_teacher_on_demand(toy, image):
    assert (UDAInferencer(*toy, predict_on='teacher', device='cpu').predict(image) == 3).all()


def test_file_and_array_agree(toy, student, image, tmp_path):
    """The network sees the same pixels either way: an RGB array is an image file, decoded."""
    Image.fromarray(image).save(tmp_path / 'x.png')
    seen = []
    hook = student.model.student.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    student([tmp_path / 'x.png', image], progress=False)
    hook.remove()
    assert torch.equal(*seen)
    mean, std = (np.array(v)[:, None, None] for v in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]))
    assert np.allclose(seen[0][0].numpy(), (image.transpose(2, 0, 1) - mean) / std, atol=1e-5)


@pytest.mark.parametrize('shares', ['csv', 'json'])
def test_any_name_of_a_file_has_its_outputs(student, image, tmp_path, shares):
    Image.fromarray(image).save(tmp_path / 'x.png')
    paths = odd_files(tmp_path / 'in', (tmp_path / 'x.png').read_bytes())
    student(tmp_path / 'in', out_dir=tmp_path / 'out', shares=shares, progress=False)
    for kind in ('labels', 'overlays'):
        assert sorted((tmp_path / 'out' / kind).glob('*.png')) == [
            tmp_path / 'out' / kind / path.name for path in paths
        ]
    with open(tmp_path / f'out/shares.{shares}', newline='', encoding='utf-8', errors='surrogateescape') as file:
        names = list(json.load(file)) if shares == 'json' else [row['image'] for row in csv.DictReader(file)]
    assert sorted(names) == list(map(str, paths))


def test_a_folder_keeps_its_tree(student, image, tmp_path):
    for name in ('in/a/1.jpg', 'in/b/1.png', 'in/b/notes.txt'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith('txt'):
            (tmp_path / name).write_text('')
        else:
            Image.fromarray(image).save(tmp_path / name)
    assert len(student(tmp_path / 'in', out_dir=tmp_path / 'out')) == 2
    for kind in ('labels', 'overlays'):
        found = sorted(
            str(path.relative_to(tmp_path / 'out' / kind)) for path in (tmp_path / 'out' / kind).rglob('*.png')
        )
        assert found == ['a/1.png', 'b/1.png']
    assert (np.asarray(Image.open(tmp_path / 'out/labels/b/1.png')) == 5).all()
    expected = np.round(0.5 * image + 0.5 * 5).astype(np.uint8)  # class 5 has the colour (5, 5, 5)
    assert (np.asarray(Image.open(tmp_path / 'out/overlays/b/1.png')) == expected).all()


def test_classes_come_from_the_checkpoint(student):
    assert student.classes == list('abcdefgh')
    assert student.palette[7] == (7, 7, 7)


def test_a_checkpoint_without_classes_gets_numbers(toy, tmp_path):
    state = torch.load(toy[1], weights_only=True)['state_dict']
    torch.save(dict(state_dict=state), tmp_path / 'bare.pth')
    bare = UDAInferencer(toy[0], tmp_path / 'bare.pth', device='cpu')
    assert bare.classes == list('01234567')
    assert len(bare.palette) == 8


def test_no_data_set_is_needed(toy, monkeypatch, image):
    monkeypatch.setenv('MMUDA_DATA', '/nowhere')
    label = UDAInferencer(*toy, device='cpu').predict(image)
    assert label.ndim == 2
    assert label.max() < 8


def test_the_test_pipeline_s_resize_is_kept(toy, tmp_path, image):
    cfg = load_config(toy[0])
    steps = [
        dict(type='mmuda.LoadImage'),
        dict(type='Resize', scale=(140, 100)),
        dict(type='mmuda.LoadLabel'),
        dict(type='mmseg.PackSegInputs'),
    ]
    cfg.test_dataloader.dataset.pipeline = steps
    cfg.dump(tmp_path / 'resized.py')
    inferencer = UDAInferencer(tmp_path / 'resized.py', toy[1], device='cpu')
    seen = []
    inferencer.model.student.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape))
    assert inferencer.predict(image).shape == (50, 70)
    assert seen == [(1, 3, 100, 140)]


@pytest.mark.parametrize(
    'wrong', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)]
)
def test_arrays_of_another_kind(student, wrong):
    with pytest.raises(UserError, match=r'give uint8 \[H, W, 3\] in RGB'):
        student(wrong)


def test_images_that_are_not_there(student, tmp_path):
    with pytest.raises(UserError, match=r'image gone\.png does not exist'):
        student('gone.png')
    with pytest.raises(UserError, match='holds no image'):
        student(tmp_path)


def test_an_unknown_network(toy):
    with pytest.raises(UserError, match='SelfTrainingUDA has no network called grandparent'):
        UDAInferencer(*toy, predict_on='grandparent', device='cpu')


def test_one_broken_image_stops_no_other(student, image, tmp_path):
    for name in 'abc':
        Image.fromarray(image).save(tmp_path / f'{name}.png')
    (tmp_path / 'b.png').write_bytes((tmp_path / 'b.png').read_bytes()[:900])
    with pytest.raises(
        SomeImagesFailed, match=r"1 of 3 images failed, 2 are done: '.*b\.png' is no complete"
    ) as failed:
        student(tmp_path, out_dir=tmp_path / 'out', progress=False)
    assert [result is None for result in failed.value.results] == [False, True, False]
    assert sorted(path.name for path in (tmp_path / 'out/labels').glob('*.png')) == ['a.png', 'c.png']


def test_its_own_predictions_are_no_images(student, image, tmp_path):
    Image.fromarray(image).save(tmp_path / 'a.png')
    for _ in range(2):
        assert len(student(tmp_path, out_dir=tmp_path / 'predictions')) == 1
    assert len(student(tmp_path / 'predictions/overlays')) == 1, 'a folder that is named is taken'


def test_a_stock_loading_step_is_read_by_our_rules(toy, tmp_path, image):
    cfg = load_config(toy[0])
    cfg.test_dataloader.dataset.pipeline[0] = dict(type='LoadImageFromFile')
    cfg.dump(tmp_path / 'stock.py')
    inferencer = UDAInferencer(tmp_path / 'stock.py', toy[1], device='cpu')
    Image.fromarray(image).convert('CMYK').save(tmp_path / 'x.tif')
    (tmp_path / 'y.jpg').write_text('')
    assert inferencer(tmp_path / 'x.tif')[0].shape == (50, 70)
    with pytest.raises(SomeImagesFailed, match='is no complete image'):
        inferencer(tmp_path / 'y.jpg')


@pytest.mark.parametrize('channels, step', [(3, None), (3, ''), (1, ''), (4, '')])
def test_a_classifier_says_class_and_scores(classifier, image, tmp_path, channels, step):
    predict = UDAInferencer(*classifier(channels, **({} if step is None else dict(step=step))), device='cpu')
    pixels = {1: image[..., 0], 3: image, 4: np.dstack([image, image[..., :1]])}[channels]
    (tmp_path / 'in').mkdir()
    for name in ('b c.png', 'a.png'):
        Image.fromarray(pixels).save(tmp_path / 'in' / name)
    from_file, _ = predict(tmp_path / 'in', out_dir=tmp_path / 'out', progress=False)
    from_array = predict.predict(pixels[..., [2, 1, 0, 3]] if channels == 4 else pixels)  # as a file's are loaded
    assert from_file.scores.sum() == pytest.approx(1, abs=1e-5)
    assert (from_file.label, from_file.name) == (from_file.scores.argmax(), ['ape', 'bee', 'cat'][from_file.label])
    assert np.array_equal(from_file.scores, from_array.scores)
    with open(tmp_path / 'out/predictions.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'] for row in rows] == [str(tmp_path / 'in/a.png'), str(tmp_path / 'in/b c.png')]
    assert rows[0]['class'] == from_file.name
    assert float(rows[0][from_file.name]) == float(rows[0]['score']) == pytest.approx(from_file.scores.max(), abs=1e-6)
    next(predict.each(pixels, tmp_path / 'out'))  # another call, which is left
    assert (tmp_path / 'out/predictions.csv').read_text().count('\n') == 4
    with pytest.raises(UserError, match='opacity is for pictures of segmented images'):
        predict(image, opacity=0.3)


def test_confidence_is_the_probability_of_the_class(student, image, tmp_path):
    Image.fromarray(image).save(tmp_path / 'x.png')
    student(str(tmp_path / 'x.png'), tmp_path / 'out', progress=False, confidence=True)
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'labels', 'overlays', 'confidence'}
    written = np.asarray(Image.open(tmp_path / 'out/confidence/x.png'))
    logit_of_class = np.e / (np.e + 7)  # one logit is 1, seven are 0
    assert written.shape == (50, 70)
    assert (written == round(255 * logit_of_class)).all()


def test_a_pattern_that_no_shell_has_expanded(student, image, tmp_path):
    for name in ('a/1', 'b/1', 'b/2'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / f'{name}.png')
    student(str(tmp_path / '**/1.png'), tmp_path / 'out', progress=False)
    assert sorted(path.parent.name for path in (tmp_path / 'out/labels').rglob('1.png')) == ['a', 'b']
    with pytest.raises(UserError, match=r"no image matches '.*/x\*\.png': check the pattern"):
        student(str(tmp_path / 'x*.png'))


@pytest.fixture
def varied(toy):
    """One whose predictions differ from place to place."""
    predict = UDAInferencer(*toy, device='cpu')
    torch.nn.init.normal_(predict.network.decode_head.conv_seg.weight)
    return predict


def test_a_batch_predicts_what_its_images_do_alone(varied, tmp_path):
    rng = np.random.default_rng(0)
    for name, height in (('1', 48), ('2', 48), ('3', 64), ('4', None), ('5', 64), ('6', 48), ('7', 48)):
        image = rng.integers(0, 256, (height or 48, 64, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / f'{name}.png')
        if height is None:
            (tmp_path / f'{name}.png').write_bytes(b'no image')
    sizes, results = [], {}
    hook = varied.network.backbone.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    for batch_size in (1, 2):
        with pytest.raises(SomeImagesFailed, match='1 of 7 images failed, 6 are done') as failed:
            varied(tmp_path, tmp_path / f'out{batch_size}', progress=False, batch_size=batch_size)
        results[batch_size] = failed.value.results
    hook.remove()
    assert sizes == [1] * 6 + [2, 2, 2]
    assert [result is None for result in results[2]] == [False] * 3 + [True] + [False] * 3
    for number, (alone, together) in enumerate(zip(*results.values()), 1):
        if alone is not None:
            assert (alone == together).mean() > 0.999, 'rounding may decide a pixel'
            written = np.asarray(Image.open(tmp_path / f'out2/labels/{number}.png'))
            assert np.array_equal(written, together)


def test_a_classifier_takes_batches(classifier, image, tmp_path):
    predict = UDAInferencer(*classifier(), device='cpu')
    images = [image, image[::-1].copy(), image[:, ::-1].copy()]
    alone, together = (predict(images, progress=False, batch_size=size) for size in (1, 3))
    for first, second in zip(alone, together):
        np.testing.assert_allclose(first.scores, second.scores, atol=1e-6)


def test_a_camera_is_predicted_frame_by_frame(student, tmp_path):
    """A stream without an end: each result is there before the next image is taken."""
    taken = itertools.count()
    camera = (np.full((40, 60, 3), next(taken), np.uint8) for _ in itertools.repeat(None))
    results = student.each(camera, tmp_path, progress=False)
    for number in (1, 2, 3):
        assert next(results).shape == (40, 60)
        assert f'count({number})' == repr(taken)
    results.close()
    assert sorted(path.name for path in (tmp_path / 'labels').glob('*.png')) == [f'00000{k}.png' for k in range(3)]


def test_the_bar_stands_on_stderr(student, image, capsys):
    student([image, image])
    said = capsys.readouterr()
    assert said.out == ''
    assert 'images' in said.err


@pytest.mark.parametrize('kind', ['csv', 'json'])
def test_shares_of_the_classes(varied, image, tmp_path, kind):
    for name in ('a', 'b'):
        Image.fromarray(image).save(tmp_path / f'{name}.png')
        (label,) = varied(tmp_path / f'{name}.png', tmp_path / 'out', shares=kind)
    with open(tmp_path / f'out/shares.{kind}', newline='') as file:
        rows = json.load(file) if kind == 'json' else {row.pop('image'): row for row in csv.DictReader(file)}
    assert list(rows) == [str(tmp_path / 'a.png'), str(tmp_path / 'b.png')], 'another call goes on with the table'
    shares = [float(rows[str(tmp_path / 'b.png')][name]) for name in 'abcdefgh']
    assert shares == pytest.approx([(label == k).mean() for k in range(8)], abs=1e-6)
    assert sum(share > 0 for share in shares) > 1
    varied.classes = list('stuvwxyz')
    with pytest.raises(UserError, match=r'shares\.\w+ is a table of a, b, .* but this model knows s, t, '):
        varied(image, tmp_path / 'out', shares=kind)


def test_tables_that_cannot_be(student, classifier, image, tmp_path):
    with pytest.raises(UserError, match="shares='xml' is no kind of table: use csv or json"):
        student(image, tmp_path, shares='xml')
    with pytest.raises(UserError, match='shares is for pictures of segmented images'):
        UDAInferencer(*classifier(), device='cpu')(image, tmp_path, shares='csv')
    (tmp_path / 'shares.json').write_text('[1')
    with pytest.raises(UserError, match=r'shares\.json is a table of something else'):
        student(image, tmp_path, shares='json')
