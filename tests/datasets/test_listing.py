"""What the one lister finds and leaves out, for every data set and tool that lists files."""

import os
import unicodedata

import cv2
import numpy as np
import pytest

from mmuda.apis.inputs import find_images
from mmuda.datasets import DataError, FolderClassification, FolderSegmentation, listing
from mmuda.datasets.ann_file import read_ann_file
from mmuda.datasets.listing import by_stem, describe, list_files, list_folders, split_suffix
from mmuda.registry import DATASETS

WANTED = ('a.PNG', 'b.bmp', 'c.webp', 'd.Tif', 'linked.jpg', 'many/e.jpeg', 'many/f g.png', 'via/e.jpeg', 'via/f g.png')
LEFT_OUT = {
    '.hidden.png': 'hidden',
    '._a.PNG': 'hidden',
    '.ipynb_checkpoints': 'hidden',
    'Thumbs.db': 'hidden',
    'broken.png': 'broken link',
    'folder.png': 'folder, not a file',
    'itself.png': 'broken link',
    'many/back': 'link back to a folder above',
    'notes.txt': 'other suffix',
    'old/labels': 'predictions',
    'pipe.png': 'no regular file',
    'via/back': 'link back to a folder above',
}


@pytest.fixture(autouse=True)
def first_time():
    """A log that has said nothing yet."""
    listing.log_once.cache_clear()


@pytest.fixture
def mess(tmp_path):
    """A folder of images as it grows on a real machine; a label map for each."""
    root, outside = tmp_path / 'mess', tmp_path / 'outside'
    for folder in (outside, root / 'many', root / '.ipynb_checkpoints', root / 'folder.png', root / 'old' / 'labels'):
        folder.mkdir(parents=True)
    image = cv2.imencode('.png', np.zeros((4, 6, 3), np.uint8))[1].tobytes()  # its content decides, not its suffix
    files = ('a.PNG', 'b.bmp', 'c.webp', 'd.Tif', 'many/e.jpeg', 'many/f g.png', '.hidden.png', '._a.PNG', 'Thumbs.db')
    for name in (*files, '.ipynb_checkpoints/a.png', 'notes.txt', 'old/labels/a.png', 'old/labels/.mmuda_predictions'):
        (root / name).write_bytes(image)
    (outside / 'z.jpg').write_bytes(image)
    (root / 'linked.jpg').symlink_to(outside / 'z.jpg')
    (root / 'broken.png').symlink_to(outside / 'gone.png')
    (root / 'itself.png').symlink_to(root / 'itself.png')
    (root / 'via').symlink_to(root / 'many')
    (root / 'many' / 'back').symlink_to(root)
    os.mkfifo(root / 'pipe.png')
    return root


@pytest.fixture
def labels(mess, tmp_path):
    for name in (*WANTED, 'without image.png'):
        path = tmp_path / 'labels' / f'{split_suffix(name)[0]}{".PNG" if name == "a.PNG" else ".png"}'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((4, 6), np.uint8))
    return tmp_path / 'labels'


def test_the_lister_finds_images_and_says_what_it_leaves_out(mess):
    found = list_files(mess)
    assert found.names == WANTED
    assert found.left_out == LEFT_OUT
    assert list_files(mess / 'old' / 'labels').names == ('a.png',), 'a folder that is named is no prediction'
    (mess / 'old' / 'up').symlink_to(mess)
    assert list_files(mess / 'old').left_out == {'labels': 'predictions', 'up': 'link back to a folder above'}


@pytest.mark.parametrize('locked', ['many', ''])
def test_a_folder_that_cannot_be_opened_is_an_error(mess, labels, locked, monkeypatch):
    scan = os.scandir

    def refuse(folder):
        if os.path.realpath(folder) == os.path.realpath(mess / locked):
            raise PermissionError(13, 'Permission denied', folder)
        return scan(folder)

    monkeypatch.setattr(os, 'scandir', refuse)
    for read in (
        lambda: list_files(mess),
        lambda: segmentation(mess),
        lambda: segmentation(mess, seg_map_path=str(labels)),
        lambda: FolderClassification(data_root=str(mess)),
        lambda: FolderClassification(data_root=str(mess), metainfo=dict(classes=['many'])),
        lambda: FolderClassification(data_root=str(mess), labelled=False),
        lambda: find_images(mess),
    ):
        with pytest.raises(
            DataError, match=rf"The folder '.*{locked}/?' cannot be opened \(Permission denied\): allow"
        ):
            read()


def segmentation(root, **prefix):
    prefix = dict(img_path=root.name, **prefix)
    return FolderSegmentation(data_root=str(root.parent), data_prefix=prefix, pipeline=[], serialize_data=False)


def target_of_classes(root):
    return FolderClassification(data_root=str(root), labelled=False, serialize_data=False)


def one_class(root):
    (root.parent / 'classes' / '.hidden').mkdir(parents=True)
    (root.parent / 'classes' / 'only').symlink_to(root)
    return FolderClassification(data_root=str(root.parent / 'classes'), serialize_data=False)


@pytest.mark.parametrize('build', [segmentation, target_of_classes, one_class])
def test_every_data_set_lists_alike_and_says_so_once(mess, build, monkeypatch):
    said = []
    monkeypatch.setattr(listing, 'print_log', lambda text, logger: said.append(text))
    dataset = [build(mess), build(mess) if build is not one_class else None][0]
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    start = f'{mess.parent}/classes/only/' if build is one_class else f'{mess}/'
    assert [path.removeprefix(start) for path in paths] == list(WANTED)
    (line,) = said
    assert f': {len(WANTED)} images, ' in line
    assert f'{len(LEFT_OUT) + (build is one_class)} left out: ' in line
    assert '2 × broken link (' in line


def test_inference_lists_alike(mess):
    assert [os.path.relpath(item.image, mess) for item in find_images(mess)] == list(WANTED)


def test_every_data_set_of_files_is_listed_by_the_same_code():
    bases = (FolderSegmentation, FolderClassification)
    sets = [found for found in DATASETS.module_dict.values() if issubclass(found, bases)]
    assert len(sets) > 8
    for found in sets:
        (base,) = (base for base in bases if issubclass(found, base))
        assert found.load_data_list is base.load_data_list, found


def test_labels_are_found_whatever_the_case_of_their_suffix(mess, labels, monkeypatch):
    said = []
    monkeypatch.setattr(listing, 'print_log', lambda text, logger: said.append(text))
    dataset = segmentation(mess, seg_map_path='labels')
    assert len(dataset) == len(WANTED)
    assert dataset.get_data_info(0)['seg_map_path'] == str(labels / 'a.PNG')
    assert f'{len(WANTED)} images, {len(WANTED)} labels, {len(LEFT_OUT) + 1} left out: ' in said[0]
    assert '1 × label without an image (' in said[0]


def test_the_classes_of_a_folder(mess):
    assert list_folders(mess).names == ('folder.png', 'many', 'old', 'via')
    assert list_folders(mess).left_out['.ipynb_checkpoints'] == 'hidden'


def test_two_images_of_one_name(mess, labels):
    (mess / 'a.jpg').write_bytes((mess / 'a.PNG').read_bytes())
    assert by_stem(list_files(mess).names)['a'] == ['a.PNG', 'a.jpg']
    assert len(segmentation(mess)) == len(WANTED) + 1, 'without labels nothing belongs to the common name'
    with pytest.raises(DataError, match=r"has both 'a\.PNG' and 'a\.jpg': leave one of them, or name the suffix"):
        segmentation(mess, seg_map_path='labels')


def test_two_labels_of_one_image(mess, labels):
    (labels / 'a.png').write_bytes((labels / 'a.PNG').read_bytes())
    with pytest.raises(DataError, match=r"labels' has both 'a\.PNG' and 'a\.png'"):
        segmentation(mess, seg_map_path='labels')


def test_a_description_names_three_of_each():
    assert describe({}) == 'none left out'
    assert describe(dict.fromkeys('abcd', 'hidden') | {'e': 'other suffix'}) == (
        '5 left out: 4 × hidden (a, b, c, ...), 1 × other suffix (e)'
    )


def test_the_longest_suffix_counts():
    assert split_suffix('a_leftImg8bit.PNG', ['.png', '_leftImg8bit.png']) == ('a', '_leftImg8bit.PNG')
    assert split_suffix('a.txt') == ('a.txt', '')


ENTRIES = ['a', 'many/f g', 'ärger']
ENCODINGS = ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32']


@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_list_is_read_whatever_wrote_it(tmp_path, encoding, end):
    (tmp_path / 'list.txt').write_bytes((end.join(['', *ENTRIES, '  '])).encode(encoding))
    assert read_ann_file(str(tmp_path / 'list.txt')) == ENTRIES


@pytest.mark.parametrize(
    'content, text',
    [(b'\xe4rger', 'is no text in utf-8'), (b'a\0\n\0', 'zero bytes'), (b' \r\n', 'has no entry')],
)
def test_what_is_no_list(tmp_path, content, text):
    (tmp_path / 'list.txt').write_bytes(content)
    with pytest.raises(DataError, match=rf"list file '.*list\.txt' {text}|list file '.*list\.txt' has {text}"):
        read_ann_file(str(tmp_path / 'list.txt'))


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_data_set_reads_such_lists(mess, labels, encoding):
    (mess.parent / 'names.txt').write_bytes('a\r\nmany/f g\r\n'.encode(encoding))
    (mess.parent / 'numbers.txt').write_bytes('a.PNG 1\r\nmany/f g.png 0\r\n'.encode(encoding))
    options = dict(data_root=str(mess.parent), serialize_data=False, pipeline=[])
    prefix = dict(img_path='mess', seg_map_path='labels')
    dataset = FolderSegmentation(**options, data_prefix=prefix, ann_file='names.txt')
    assert [os.path.basename(dataset.get_data_info(i)['img_path']) for i in range(2)] == ['a.PNG', 'f g.png']
    options |= dict(data_prefix=dict(img_path='mess'), ann_file='numbers.txt')
    dataset = FolderClassification(**options, metainfo=dict(classes=['x', 'y']))
    assert [dataset.get_data_info(i)['gt_label'] for i in range(2)] == [1, 0]
    (mess.parent / 'numbers.txt').write_bytes('many/f g.png\n'.encode(encoding))
    assert len(FolderClassification(**options, labelled=False)) == 1


FORMS = ('NFC', 'NFD')


@pytest.mark.parametrize('listed', FORMS)
@pytest.mark.parametrize('labelled', FORMS)
@pytest.mark.parametrize('stored', FORMS)
def test_accented_names_agree_whatever_system_wrote_them(tmp_path, stored, labelled, listed):
    """macOS writes an accented letter as two characters, other systems as one: names that look alike are one."""
    image = unicodedata.normalize(stored, 'Straße/März ü')
    label, entry = (unicodedata.normalize(form, 'Straße/März ü') for form in (labelled, listed))
    for folder, name in (('images', image), ('labels', label), (unicodedata.normalize(stored, 'Tür'), image)):
        path = tmp_path / folder / f'{name}.png'
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), np.zeros((4, 6), np.uint8))
    (tmp_path / 'names.txt').write_text(entry, encoding='utf-8')
    (tmp_path / 'numbers.txt').write_text(f'{entry}.png 1', encoding='utf-8')
    options = dict(data_root=str(tmp_path), pipeline=[])
    prefix = dict(img_path='images', seg_map_path='labels')
    for ann_file in ('', 'names.txt'):
        info = FolderSegmentation(**options, data_prefix=prefix, ann_file=ann_file).get_data_info(0)
        assert (info['img_path'], info['seg_map_path']) == tuple(
            str(tmp_path / folder / f'{name}.png') for folder, name in (('images', image), ('labels', label))
        )
    classes = dict(classes=['images', unicodedata.normalize(listed, 'Tür')])
    found = FolderClassification(**options, metainfo=classes)
    assert [found.get_data_info(i)['gt_label'] for i in range(len(found))] == [0, 1]
    assert unicodedata.normalize('NFC', 'Tür') in FolderClassification(**options).metainfo['classes']
    numbered = FolderClassification(
        **options, data_prefix=dict(img_path='images'), ann_file='numbers.txt', metainfo=classes
    )
    assert numbered.get_data_info(0)['img_path'] == str(tmp_path / 'images' / f'{image}.png')


def test_names_that_differ_in_nothing_but_the_form_of_their_letters_are_two_of_one_name(tmp_path):
    for form in FORMS:
        for name in ('images/ü.png', 'labels/ü.png', 'Tür/a.png'):
            path = tmp_path / unicodedata.normalize(form, name)
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), np.zeros((4, 6), np.uint8))
    options = dict(data_root=str(tmp_path), pipeline=[])
    ways = "has both '.*' and '.*', their accented letters in two forms: "
    for prefix in (dict(img_path='images', seg_map_path='labels'), dict(img_path='Tür', seg_map_path='labels')):
        with pytest.raises(DataError, match=ways + 'leave one of them'):
            FolderSegmentation(**options, data_prefix=prefix)
    assert len(FolderSegmentation(**options, data_prefix=dict(img_path='images'))) == 2
    with pytest.raises(DataError, match=ways + 'put their images into one'):
        FolderClassification(**options)


def test_a_list_file_names_files_whose_folder_has_another_form(tmp_path):
    """Such as a folder that Linux made, and files that macOS wrote."""
    path = tmp_path / unicodedata.normalize('NFC', 'Tür') / unicodedata.normalize('NFD', 'ü.png')
    path.parent.mkdir()
    cv2.imwrite(str(path), np.zeros((4, 6), np.uint8))
    for form in FORMS:
        (tmp_path / 'list.txt').write_text(unicodedata.normalize(form, 'Tür/ü.png 0\n'), encoding='utf-8')
        found = FolderClassification(str(tmp_path), ann_file='list.txt', pipeline=[])
        assert found.get_data_info(0)['img_path'] == str(path)


def test_an_entry_without_an_image_is_named_at_once(mess):
    (mess / 'list.txt').write_text('a.PNG 0\ngone.png 0\n')
    with pytest.raises(
        DataError, match=r"1 of 2 entries of the list file '.*' have no image in '.*': gone\.png; check"
    ):
        FolderClassification(data_root=str(mess), ann_file='list.txt')


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    """Nor has one below it: whoever lists it says what should be there."""
    for folder in (tmp_path / 'gone', tmp_path / 'gone' / 'too'):
        assert (list_files(folder).names, list_folders(folder).names) == ((), ())
