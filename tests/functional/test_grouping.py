"""STCT's grouping strategies: what each map looks like, how it is drawn, and that all grids see one draw."""

import itertools

import pytest
import torch

from mmuda.functional.grouping import STRATEGIES, class_split, class_split_pyramid, key_groups

GEOMETRIC = ('random', 'hvh', 'hvr', 'cutout')


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def patches(*classes, cells=4, size=32):
    """One label map `[size, size]` an argument: a chequerboard of its classes, each of them in some cell."""
    maps = []
    for present in classes:
        order = torch.tensor(present)[torch.arange(cells * cells) % len(present)]
        board = order[torch.randperm(cells * cells)].view(cells, cells)
        maps.append(board.repeat_interleave(size // cells, 0).repeat_interleave(size // cells, 1))
    return torch.stack(maps)


def nearest(label, grid):
    """Re-typed floor sampling."""
    rows = torch.tensor([i * label.shape[1] // grid[0] for i in range(grid[0])])
    columns = torch.tensor([j * label.shape[2] // grid[1] for j in range(grid[1])])
    return label[:, rows][:, :, columns]


def sides(split, label):
    """Class -> the set of bits of its tokens, for one image."""
    return {c: set(split[label == c].tolist()) for c in label.unique().tolist()}


def chosen(split, label):
    """The classes of one image that are True, each of them whole."""
    found = sides(split, label)
    assert all(len(bits) == 1 for bits in found.values())
    return {c for c, bits in found.items() if bits == {True}}


def test_the_strategies_of_the_paper_are_there():
    assert set(STRATEGIES) == {'random', 'hvh', 'hvr', 'cutout', 'semantic', 'scattered-semantic'}


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int64])
def test_a_map_is_bool_and_the_labels_stay_as_they_are(strategy, dtype):
    label = patches([0, 1, 255], [4, 5]).to(dtype)
    before = label.clone()
    split = class_split(label, strategy, (4, 6), seeded(0))
    assert split.shape == (2, 4, 6)
    assert split.dtype == torch.bool
    assert torch.equal(label, before)
    assert torch.equal(split, class_split(label.long(), strategy, (4, 6), seeded(0)))


# --- exact counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('grid', [(4, 4), (5, 7), (3, 3), (1, 3), (16, 16)])
def test_random_takes_exactly_half_of_the_tokens(grid):
    split = class_split(torch.zeros(20, 32, 32, dtype=torch.long), 'random', grid, seeded(0))
    assert split.flatten(1).sum(1).tolist() == [(grid[0] * grid[1] + 1) // 2] * 20


def test_random_prefers_no_token_and_no_neighbourhood():
    split = class_split(torch.zeros(2000, 8, 8, dtype=torch.long), 'random', (4, 4), seeded(0)).double().flatten(1)
    assert (split.mean(0) - 0.5).abs().max() < 0.05
    together = (split.T @ split / 2000)[~torch.eye(16, dtype=torch.bool)]
    assert (together - 0.5 * 7 / 15).abs().max() < 0.05  # drawn without replacement


@pytest.mark.parametrize('grid', [(4, 6), (5, 7), (16, 16)])
def test_hvh_cuts_in_the_middle_one_way_or_the_other(grid):
    split = class_split(torch.zeros(200, 64, 64, dtype=torch.long), 'hvh', grid, seeded(0))
    seen = {'horizontal': 0, 'vertical': 0}
    for one in split:
        way = 'horizontal' if bool((one == one[:, :1]).all()) else 'vertical'
        line = one[:, 0] if way == 'horizontal' else one[0]
        assert torch.equal(one, line[:, None].expand(grid) if way == 'horizontal' else line.expand(grid))
        assert (line[1:] != line[:-1]).sum() == 1
        assert int(line.sum()) in {len(line) // 2, (len(line) + 1) // 2}
        seen[way] += 1
    assert 70 < seen['horizontal'] < 130


@pytest.mark.parametrize('grid', [(4, 6), (2, 2), (5, 3)])
def test_hvr_cuts_once_anywhere_and_leaves_no_side_empty(grid):
    split = class_split(torch.zeros(600, 64, 64, dtype=torch.long), 'hvr', grid, seeded(0))
    cuts = {}
    for one in split:
        horizontal = bool((one == one[:, :1]).all())
        line = one[:, 0] if horizontal else one[0]
        assert torch.equal(one, line[:, None].expand(grid) if horizontal else line.expand(grid))
        change = (line[1:] != line[:-1]).nonzero().flatten().tolist()
        assert len(change) == 1
        cuts[horizontal, change[0]] = cuts.get((horizontal, change[0]), 0) + 1
    assert set(cuts) == {(True, i) for i in range(grid[0] - 1)} | {(False, j) for j in range(grid[1] - 1)}
    assert 240 < sum(count for (horizontal, _), count in cuts.items() if horizontal) < 360


def test_cutout_is_one_rectangle_of_a_quarter_to_three_quarters():
    split = class_split(torch.zeros(600, 8, 8, dtype=torch.long), 'cutout', (64, 64), seeded(0))
    for one in split:
        rows, columns = one.any(1), one.any(0)
        assert torch.equal(one, rows[:, None] & columns)
        for line in (rows, columns):
            assert (line[1:] != line[:-1]).sum() + line[0].int() + line[-1].int() == 2  # one run
    share = split.double().mean((1, 2))
    assert 0.22 < share.min() < 0.28
    assert 0.72 < share.max() < 0.78
    assert share.mean() == pytest.approx(0.5, abs=0.025)
    assert share.std() == pytest.approx(0.5 / 12**0.5, abs=0.02)  # uniform in [0.25, 0.75]
    for line in (split.any(2).double(), split.any(1).double()):
        centre = (line * torch.arange(64)).sum(1) / line.sum(1) / 63
        assert centre.mean() == pytest.approx(0.5, abs=0.02)
        assert centre.std() > 0.05  # it may lie anywhere


@pytest.mark.parametrize('grid', [(4, 4), (4, 7), (16, 16)])
def test_cutout_never_vanishes_on_a_small_grid(grid):
    split = class_split(torch.zeros(300, 64, 64, dtype=torch.long), 'cutout', grid, seeded(0)).flatten(1)
    assert split.any(1).all()


@pytest.mark.parametrize('count', range(1, 8))
def test_semantic_takes_half_of_the_classes_rounded_up(count):
    label = patches(*[list(range(3, 3 + count))] * 12)
    split = class_split(label, 'semantic', (4, 4), seeded(count))
    for one, own in zip(split, nearest(label, (4, 4))):
        assert len(chosen(one, own)) == (count + 1) // 2


def test_semantic_draws_every_choice_of_classes_equally_often():
    label = patches([1, 5, 9, 17]).expand(1800, -1, -1)
    split = class_split(label, 'semantic', (4, 4), seeded(0))
    own = nearest(label[:1], (4, 4))[0]
    bits = torch.stack([split[:, own == c][:, 0] for c in (1, 5, 9, 17)], 1)
    assert (bits.double().mean(0) - 0.5).abs().max() < 0.05
    for pair in itertools.combinations(range(4), 2):
        assert bits[:, pair].all(1).double().mean() == pytest.approx(1 / 6, abs=0.04)


@pytest.mark.parametrize('ignore', [255, 7])
def test_the_ignored_pixels_are_one_more_class(ignore):
    label = patches([0, 3, ignore]).expand(900, -1, -1)
    split = class_split(label, 'semantic', (4, 4), seeded(0), ignore_index=ignore)
    own = nearest(label[:1], (4, 4))[0]
    bits = torch.stack([split[:, own == c][:, 0] for c in (0, 3, ignore)], 1)
    assert (bits.sum(1) == 2).all()
    assert (bits.double().mean(0) - 2 / 3).abs().max() < 0.06


def test_each_image_draws_from_its_own_classes():
    classes = [[0, 1], [2, 3, 4], [5], [0, 2, 6, 255]]
    label = patches(*classes)
    for seed in range(20):
        split = class_split(label, 'semantic', (4, 4), seeded(seed))
        counts = [len(chosen(one, own)) for one, own in zip(split, nearest(label, (4, 4)))]
        assert counts == [1, 2, 1, 2]


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_images_draw_apart(strategy):
    label = patches([0, 1, 2, 3]).expand(12, -1, -1)
    split = class_split(label, strategy, (4, 4), seeded(0))
    assert len({tuple(one.flatten().tolist()) for one in split}) > 1


def test_a_class_too_small_for_the_grid_still_counts():
    label = patches([0, 1, 2])
    label[0, 5, 5] = 8  # between the sampled pixels
    counts = set()
    for seed in range(40):
        split = class_split(label, 'semantic', (4, 4), seeded(seed))[0]
        counts.add(len(chosen(split, nearest(label, (4, 4))[0])))
    assert counts == {1, 2}


@pytest.mark.parametrize('value', [4, 255])
def test_a_crop_of_one_class_or_of_none_is_one_group(value):
    label = torch.full((3, 16, 16), value)
    assert class_split(label, 'semantic', (4, 4), seeded(0)).all()


@pytest.mark.parametrize('strategy', GEOMETRIC)
def test_geometric_maps_do_not_look_at_the_labels(strategy):
    one = class_split(torch.zeros(3, 32, 32, dtype=torch.long), strategy, (8, 8), seeded(1))
    assert torch.equal(one, class_split(patches([1, 2], [255], [3, 4, 5]), strategy, (8, 8), seeded(1)))


# --- scattered classes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('scattered', range(8))
def test_scattered_classes_take_the_random_bits_and_the_others_stay(scattered):
    label = patches(*[[0, 2, 4, 6, 8, 255]] * 4, cells=8)
    random = class_split(label, 'random', (8, 8), seeded(3))
    split = class_split(label, 'scattered-semantic', (8, 8), seeded(3), num_scattered=scattered)
    for one, dust, own in zip(split, random, nearest(label, (8, 8))):
        found = sides(one, own)
        mixed = [c for c, bits in found.items() if len(bits) == 2]
        assert len(mixed) == min(scattered, 6)
        assert all(torch.equal(one[own == c], dust[own == c]) for c in mixed)
        assert 3 - len(mixed) <= sum(bits == {True} for bits in found.values()) <= 3  # half of all six, less the mixed


def test_no_scattered_class_is_semantic_and_all_are_random():
    label = patches([0, 1, 2], [3, 4, 5, 255], [7])
    for seed in range(5):
        none = class_split(label, 'scattered-semantic', (4, 4), seeded(seed), num_scattered=0)
        assert torch.equal(none, class_split(label, 'semantic', (4, 4), seeded(seed)))
        for many in (4, 100):
            all_of_them = class_split(label, 'scattered-semantic', (4, 4), seeded(seed), num_scattered=many)
            assert torch.equal(all_of_them, class_split(label, 'random', (4, 4), seeded(seed)))


def test_which_classes_are_scattered_is_drawn():
    label = patches(*[[0, 1, 2, 3]] * 80, cells=8)
    split = class_split(label, 'scattered-semantic', (8, 8), seeded(0), num_scattered=1)
    hits = [0, 0, 0, 0]
    for one, own in zip(split, nearest(label, (8, 8))):
        for c, bits in sides(one, own).items():
            hits[c] += len(bits) == 2
    assert sum(hits) == 80
    assert min(hits) > 8


# --- grids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('size, grid', [((33, 47), (9, 12)), ((30, 50), (7, 13)), ((32, 32), (8, 8)), ((5, 5), (8, 8))])
def test_labels_are_resized_by_the_nearest_pixel(size, grid):
    label = torch.randint(0, 3, (2, *size))
    split = class_split(label, 'semantic', grid, seeded(0))
    for one, own in zip(split, nearest(label, grid)):
        assert len(chosen(one, own)) in {1, 2}


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('coarse', [(4, 4), (3, 5)])
def test_all_grids_of_a_pyramid_see_one_draw(strategy, coarse):
    grids = [(coarse[0] * s, coarse[1] * s) for s in (8, 4, 2, 1)]
    label = torch.randint(0, 6, (8, *(4 * n for n in grids[0])))
    maps = class_split_pyramid(label, strategy, grids, seeded(0))
    assert isinstance(maps, tuple)
    assert [tuple(split.shape) for split in maps] == [(8, *grid) for grid in grids]
    for split, ratio in zip(maps, (8, 4, 2, 1)):
        assert torch.equal(key_groups(split, ratio), maps[-1])


@pytest.mark.parametrize('grids', [[(16, 16), (8, 8), (4, 4), (2, 2)], [(18, 26), (9, 13), (5, 7), (3, 4)]])
def test_random_is_drawn_on_the_coarsest_grid(grids):
    maps = class_split_pyramid(torch.zeros(6, 64, 64, dtype=torch.long), 'random', grids, seeded(0))
    assert maps[-1].flatten(1).sum(1).tolist() == [(grids[-1][0] * grids[-1][1] + 1) // 2] * 6
    for split, grid in zip(maps, grids):
        assert torch.equal(split, nearest(maps[-1], grid))


@pytest.mark.parametrize('grids', [[(16, 16), (8, 8), (4, 4), (2, 2)], [(18, 26), (9, 13), (5, 7), (3, 4)]])
def test_hvr_leaves_no_side_empty_on_any_grid(grids):
    for split in class_split_pyramid(torch.zeros(300, 64, 64, dtype=torch.long), 'hvr', grids, seeded(0)):
        assert split.flatten(1).any(1).all()
        assert (~split).flatten(1).any(1).all()


@pytest.mark.parametrize('strategy', ['semantic', 'hvh', 'scattered-semantic'])
def test_a_pyramid_of_one_grid_is_the_plain_split(strategy):
    label = torch.randint(0, 6, (4, 32, 32))
    assert torch.equal(
        class_split_pyramid(label, strategy, [(8, 8)], seeded(0))[0], class_split(label, strategy, (8, 8), seeded(0))
    )


def test_a_class_has_one_side_on_every_grid():
    label = patches([0, 1, 2, 3, 255], [4, 5, 6])
    maps = class_split_pyramid(label, 'semantic', [(16, 16), (8, 8), (4, 4)], seeded(0))
    for image in range(2):
        picks = [chosen(split[image], nearest(label, split.shape[1:])[image]) for split in maps]
        assert picks[0] == picks[1] == picks[2]


@pytest.mark.parametrize('ratio', [1, 2, 4, 9])
def test_key_groups_take_the_upper_left_of_the_tokens_that_a_key_is_made_of(ratio):
    """A convolution of stride `ratio` leaves a remainder out."""
    groups = torch.rand(3, 9, 14) > 0.5
    keys = key_groups(groups, ratio)
    assert keys.shape == (3, 9 // ratio, 14 // ratio)
    for i, j in itertools.product(range(keys.shape[1]), range(keys.shape[2])):
        assert torch.equal(keys[:, i, j], groups[:, i * ratio, j * ratio])


@pytest.mark.parametrize('ratio, rest', [(1, 0), (2, 1), (4, 0), (8, 7)])
def test_key_groups_by_majority_count_the_tokens_of_each_key(ratio, rest):
    groups = torch.rand(3, 3 * ratio + rest, 2 * ratio + rest) > 0.5
    majority = key_groups(groups, ratio, majority=True)
    for b, i, j in itertools.product(range(3), range(3), range(2)):
        cell = groups[b, i * ratio : (i + 1) * ratio, j * ratio : (j + 1) * ratio]
        assert majority[b, i, j] == (2 * int(cell.sum()) >= ratio * ratio)
    assert majority.dtype == torch.bool


def test_half_of_a_key_is_a_majority():
    groups = torch.tensor([[[False, False], [True, True]]])
    assert key_groups(groups, 2, majority=True).item()
    assert not key_groups(groups, 2).item()


@pytest.mark.parametrize('strategy', ['hvr', 'cutout', 'random'])
def test_no_side_of_the_image_is_preferred(strategy):
    """The mean of many maps, folded along either axis."""
    mean = class_split(torch.zeros(6000, 8, 8, dtype=torch.uint8), strategy, (5, 6), seeded(0)).float().mean(0)
    if strategy == 'hvr':  # group 1 is the upper or left part: half a turn exchanges the groups
        torch.testing.assert_close(mean, 1 - mean.flip(0, 1), atol=0.04, rtol=0)
    else:
        torch.testing.assert_close(mean, mean.flip(0), atol=0.04, rtol=0)
        torch.testing.assert_close(mean, mean.flip(1), atol=0.04, rtol=0)


@pytest.mark.parametrize('size', [3, 5, 82, 94])
def test_half_of_an_odd_grid_is_rounded_up(size):
    for split in class_split(torch.zeros(8, 8, 8, dtype=torch.uint8), 'hvh', (size, size), seeded(0)):
        rows, columns = split.all(1), split.all(0)
        assert max(rows.sum(), columns.sum()) in ((size + 1) // 2, size)
        assert split.sum() == size * ((size + 1) // 2)


def test_labels_outside_the_table_count_as_ignored():
    label = torch.zeros(64, 4, 4, dtype=torch.long)
    label[:, 2:] = -1
    same = label.clone()
    same[:, 2:, :2], same[:, 2:, 2:] = 255, 5000
    split = class_split(label, 'semantic', (4, 4), seeded(0))
    assert torch.equal(split, class_split(same, 'semantic', (4, 4), seeded(0)))
    assert (split[:, 0, 0] != split[:, 3, 3]).all()


# --- generators and the device ----------------------------------------------------------------------------------------


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_a_generator_makes_it_reproducible_and_leaves_the_default_one_alone(strategy):
    label = patches(*[[0, 1, 2, 3, 4]] * 8)
    state = torch.get_rng_state()
    first = class_split(label, strategy, (8, 8), seeded(1))
    assert torch.equal(first, class_split(label, strategy, (8, 8), seeded(1)))
    assert not torch.equal(first, class_split(label, strategy, (8, 8), seeded(2)))
    assert torch.equal(torch.get_rng_state(), state)
    one = seeded(1)
    assert torch.equal(first, class_split(label, strategy, (8, 8), one))
    assert not torch.equal(first, class_split(label, strategy, (8, 8), one))  # it moves on


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_without_a_generator_the_default_one_draws(strategy):
    label = patches(*[[0, 1, 2, 3, 4]] * 8)
    maps = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        maps.append(class_split(label, strategy, (8, 8)))
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], maps[2])


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_no_value_is_read_back_from_the_device(strategy):
    with torch.device('meta'):  # where nothing can be read
        label = torch.zeros(2, 32, 32, dtype=torch.long)
        assert [m.shape[1:] for m in class_split_pyramid(label, strategy, [(8, 8), (4, 4)])] == [(8, 8), (4, 4)]
        assert key_groups(torch.zeros(2, 8, 8, dtype=torch.bool), 2, majority=True).shape == (2, 4, 4)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(strategy='chess'), "'chess'.*scattered-semantic"),
        (dict(strategy='none'), "'none'"),
        (dict(label=torch.zeros(2, 3, 8, 8, dtype=torch.long)), r'\[B, H, W\].*label.*\[2, 3, 8, 8\]'),
        (dict(label=torch.zeros(8, 8, dtype=torch.long)), r'\[B, H, W\].*label.*\[8, 8\]'),
        (dict(label=torch.zeros(2, 8, 8)), 'label.*float32'),
        (dict(strategy='scattered-semantic', num_scattered=-1), 'num_scattered=-1'),
        (dict(strategy='semantic', num_scattered=2), 'num_scattered=2.*scattered-semantic'),
        (dict(strategy='random', num_scattered=2), 'num_scattered=2.*scattered-semantic'),
        (dict(grid=(0, 4)), 'grids.*0, 4'),
        (dict(grid=(4, -1)), 'grids.*4, -1'),
    ],
)
def test_errors_say_what_was_found(change, text):
    arguments = dict(label=torch.zeros(2, 8, 8, dtype=torch.long), strategy='semantic', grid=(4, 4)) | change
    with pytest.raises(ValueError, match=text):
        class_split(**arguments)
