"""When the target is clustered, what its labels are, what the checkpoint keeps, and every error."""

import copy
import io
import logging
from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn
from torch.utils.data import DataLoader

from mmuda.datasets import ClassAwareSampler, DataError
from mmuda.engine.hooks import ACDAHook
from mmuda.registry import DATASETS

DIRECTION = torch.eye(3)
SOURCE = [0, 1, 2] * 4
TARGET = [0] * 4 + [1] * 3 + [2] * 2  # the classes that the images look like
TARGET_TURN = [0.1] * 8 + [0.9]  # how far each of them leans away; the last is short and far from its class


class Images(list):
    """A domain whose images are feature vectors; like a target, it may hide what it knows."""

    def __init__(self, classes, turns, name, labelled=True):
        vectors = [(1 - turn) * (DIRECTION[c] + turn * DIRECTION[(c + 1) % 3]) for c, turn in zip(classes, turns)]
        super().__init__(vectors)
        self.classes, self.name, self.labelled = classes, name, labelled

    def get_data_info(self, i):
        return dict(img_path=f'{self.name}{i}') | (dict(gt_label=self.classes[i]) if self.labelled else {})


class Both:
    """What a `DomainDataset` is to the sampler and the loader; it notes every index."""

    metainfo = dict(classes=('ant', 'bee', 'cat'))
    names = ['source', 'target']
    num_sources = 1

    def __init__(self):
        self.datasets = [Images(SOURCE, [0.1] * 12, 's'), Images(TARGET, TARGET_TURN, 't', labelled=False)]
        self.sizes = [12, 9]
        self.read = []

    def __len__(self):
        return 21

    def __getitem__(self, i):
        self.read.append(i)
        return dict(inputs=(self.datasets[0] + self.datasets[1])[i], data_samples=int(i))


class Model(nn.Module):
    """Features are the images themselves, in a frame that the test may turn."""

    def __init__(self):
        super().__init__()
        self.student = nn.Sequential()
        self.student.add_module('neck', nn.Identity())
        self.terms = nn.ModuleDict(dict(acda=nn.Identity(), plain=nn.Identity()))
        self.terms['acda'].start_step = 0
        self.register_buffer('gain', torch.ones(3))
        self.seen = []

    def data_preprocessor(self, data, training):
        assert not training
        return dict(inputs=torch.stack(data['inputs']))

    def embed(self, inputs, tap, domain):
        self.seen.append((domain, len(inputs)))
        return inputs * self.gain


class Loop:
    epoch_length = 10

    def __init__(self, runner):
        self.runner, self.sought = runner, []

    def seek(self, step):
        self.sought.append(step)

    def end_at(self, step):
        self.runner.max_iters = step


@pytest.fixture
def run():
    def make(**options):
        dataset = Both()
        sampler = ClassAwareSampler(dataset, (2, 2), seed=3, per_class=1)
        loader = DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=_listed)
        hub = MessageHub('acda')
        runner = SimpleNamespace(
            model=Model(),
            train_dataloader=loader,
            iter=0,
            max_iters=100,
            message_hub=hub,
            logger=logging.getLogger('x'),
        )
        runner.train_loop = Loop(runner)
        runner._resume = True
        for name, value in options.items():
            setattr(runner, name, value)
        return runner

    return make


def _listed(samples):
    return {key: [sample[key] for sample in samples] for key in samples[0]}


def steps(hook, runner, count):
    """Take some steps; the numbers of those before which it clustered."""
    hook.before_train(runner)
    while runner.iter < min(count, runner.max_iters):
        hook.after_train_iter(runner, runner.iter)
        runner.iter += 1
    return runner.train_loop.sought


def hook(pretrain=0, interval=5, **options):
    return ACDAHook(pretrain, interval, **dict(dict(min_per_class=2), **options))


@pytest.mark.parametrize(
    'options, start, expected',
    [
        (dict(pretrain=0, interval=8), 0, [0, 8, 16, 24]),
        (dict(pretrain=3, interval=10), 3, [3, 13, 23]),
        (dict(pretrain=2, interval=1, by_epoch=True), 20, [20, 30]),
        (dict(pretrain=0.25, interval=0.25), 8, [8, 16, 24]),  # shares of the training
    ],
)
def test_it_clusters_after_the_pretraining_and_then_every_interval(run, options, start, expected):
    runner = run(max_iters=32)
    assert steps(hook(**options), runner, 32) == expected
    assert runner.model.terms['acda'].start_step == start
    assert not hasattr(runner.model.terms['plain'], 'start_step')
    assert len(runner.train_dataloader.dataset.read) == 21 * len(expected)  # in no other step is anything read


def test_a_term_without_labels_has_no_clustering(run):
    runner = run()
    runner.model.terms['acda'].condition = 'none'
    assert steps(hook(pretrain=3), runner, 12) == []
    assert runner.model.terms['acda'].start_step == 3
    assert runner.train_dataloader.sampler.eligible is None


def test_every_image_is_seen_once_a_clustering_as_an_image_of_its_domain(run):
    runner = run()
    steps(hook(), runner, 6)
    assert runner.model.seen == 2 * ([('source', 4)] * 3 + [('target', 4)] * 2 + [('target', 1)])
    read = runner.train_dataloader.dataset.read
    assert [int(i) for i in read] == 2 * list(range(21))
    assert [i.seed for i in read] == [i.seed for n in (0, 1) for i in runner.train_dataloader.sampler.every_sample(n)]


@pytest.mark.parametrize(
    'options, labels, eligible',
    [
        (dict(distance=None), TARGET, [0, 1, 2]),
        (dict(), [*TARGET[:8], -1], [0, 1]),
        (dict(min_per_class=1), [*TARGET[:8], -1], [0, 1, 2]),
        (dict(min_per_class=4), [*TARGET[:8], -1], [0]),
    ],
)
def test_far_images_have_no_label_and_small_classes_are_not_drawn(run, options, labels, eligible):
    runner = run()
    steps(hook(**options), runner, 0)
    sampler = runner.train_dataloader.sampler
    assert sampler.eligible == eligible
    drawn = {int(i) - 12: i.pseudo_label for i in islice(sampler, 400) if i >= 12}
    assert drawn == {i: label for i, label in enumerate(labels) if label in eligible}


def test_a_model_wrapper_is_looked_through(run):
    runner = run()
    runner.model = nn.DataParallel(runner.model)
    assert steps(hook(), runner, 6) == [0, 5]


def test_what_a_resume_needs_is_in_the_checkpoint_as_plain_tensors(run):
    straight, first = run(), hook()
    steps(first, straight, 4)
    checkpoint = {}
    first.before_save_checkpoint(straight, checkpoint)
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    resumed, second = run(iter=4), hook()
    second.after_load_checkpoint(resumed, loaded)
    assert steps(second, resumed, 4) == [4]  # the data begin anew with the old labels, nothing was clustered
    assert resumed.model.seen == []
    samplers = [runner.train_dataloader.sampler for runner in (straight, resumed)]
    assert [(i, i.pseudo_label) for i in islice(samplers[0], 50)] == [
        (i, i.pseudo_label) for i in islice(samplers[1], 50)
    ]
    steps(first, straight, 6)
    steps(second, resumed, 6)
    assert (second.number, second.step) == (first.number, first.step) == (2, 5)
    assert [i.seed for i in resumed.train_dataloader.dataset.read] == [
        i.seed for i in straight.train_dataloader.dataset.read[21:]
    ]


def test_load_from_and_a_checkpoint_without_labels_start_anew(run):
    checkpoint = {}
    hook().before_save_checkpoint(run(), checkpoint)
    assert checkpoint == {}
    fresh = hook(pretrain=2)
    fresh.after_load_checkpoint(run(), checkpoint)
    assert steps(fresh, run(iter=4), 4) == [4]  # it should have labels by now
    fresh.before_save_checkpoint(run(), checkpoint)
    other = hook(pretrain=2)
    other.after_load_checkpoint(run(_resume=False), copy.deepcopy(checkpoint))
    assert other.clusters is None


def test_a_settled_clustering_ends_the_training_and_stays_ended(run, caplog):
    settled = run()
    first = hook(distance=None, stop_change=0.3)
    assert steps(first, settled, 50) == [0]
    assert settled.iter == settled.max_iters == 5
    checkpoint = {}
    first.before_save_checkpoint(settled, checkpoint)
    resumed, second = run(iter=5), hook(distance=None, stop_change=0.3)
    second.after_load_checkpoint(resumed, checkpoint)
    steps(second, resumed, 50)
    assert resumed.max_iters == 5
    assert 'settled at step 5, the last of this training: nothing is left to train' in caplog.text
    third = hook(distance=None)
    third.after_load_checkpoint(run(iter=5), checkpoint)
    assert not third.ended
    for reason in (dict(distance=None), dict(distance=None, stop_change=1e-6)):  # the source's centres are farther
        assert steps(hook(**reason), run(max_iters=20), 20) == [0, 5, 10, 15]


def test_labels_that_change_keep_it_going(run):
    class Turning(ACDAHook):
        def after_train_iter(self, runner, batch_idx):
            if runner.iter == 4:
                runner.train_dataloader.dataset.datasets[1].reverse()
            super().after_train_iter(runner, batch_idx)

    assert steps(Turning(0, 5, min_per_class=1, distance=None, stop_change=0.3), run(), 50) == [0, 5]


@pytest.fixture
def labelled():
    class Known(Images):
        """The target's images with labels, in another order and with one that differs from its look."""

        def __init__(self, names=9):
            super().__init__([1, *reversed(TARGET[:8])], [0.1] * 9, 't')
            self.names = names

        def get_data_info(self, i):
            return dict(super().get_data_info(i), img_path=f't{8 - i}')

        def __len__(self):
            return self.names

    DATASETS.register_module(module=Known, force=True)
    return dict(type='mmuda.Known')


def test_the_accuracy_is_logged_only_where_labels_are_given(run, labelled, caplog):
    with caplog.at_level(logging.INFO):
        runner = run()
        steps(hook(min_per_class=2), runner, 0)
        assert (
            'Clustering 1 at step 0: 8 of 9 target images are kept, 2 of 3 classes are drawn (not cat).' in caplog.text
        )
        assert runner.message_hub.get_scalar('train/clustering_kept').current() == pytest.approx(8 / 9)
        assert 'train/clustering_accuracy' not in runner.message_hub.log_scalars
        steps(hook(min_per_class=1, labelled=labelled), runner, 0)
    assert '3 of 3 classes are drawn, clustering accuracy 88.89 (of kept images 100.00).' in caplog.text
    assert runner.message_hub.get_scalar('train/clustering_accuracy').current() == pytest.approx(800 / 9)
    with pytest.raises(ValueError, match=r'labelled lacks 2 of 9 target images, such as t0: give the target'):
        steps(hook(labelled=dict(labelled, names=7)), runner, 0)


@pytest.mark.parametrize('name', ['pretrain', 'interval'])
def test_a_length_that_is_neither_steps_nor_a_share(name):
    with pytest.raises(ValueError, match=rf'ACDAHook\.{name}=2\.5 is neither'):
        hook(**{name: 2.5})


@pytest.mark.parametrize('options', [dict(pretrain=-1, interval=2), dict(pretrain=0, interval=0)])
def test_numbers_of_steps_are_checked(options):
    with pytest.raises(ValueError, match=r'pretrain=-?\d and interval=\d: they are 0 or more and 1 or more, or shares'):
        ACDAHook(**options)


def test_what_is_missing_is_named_before_the_first_step(run):
    for wrong, kind, text in (
        (dict(term='acdc'), ValueError, r"term='acdc', but the model has the terms \['acda', 'plain'\]"),
        (dict(term='plain'), TypeError, r"term='plain', but Identity has no start_step"),
        (dict(tap='neck.x'), ValueError, r"tap='neck.x', but Sequential has no such module"),
        (dict(tap='nekc'), ValueError, r"tap='nekc', but Sequential has no such module; it has neck and parts"),
    ):
        with pytest.raises(kind, match=text):
            hook(pretrain=50, **wrong).before_train(run())
    hook(pretrain=50, tap='neck.1').before_train(run())  # an output of a module
    with pytest.raises(TypeError, match='needs a model of mmuda, but this is a Identity'):
        hook().before_train(run(model=nn.Identity()))
    with pytest.raises(TypeError, match='begins the data anew behind a clustering, which SimpleNamespace cannot'):
        hook().before_train(run(train_loop=SimpleNamespace()))
    loader = SimpleNamespace(sampler=[])
    with pytest.raises(TypeError, match=r'a list takes none: set train_dataloader\.sampler=.*ClassAwareSampler'):
        hook().before_train(run(train_dataloader=loader))


def test_no_class_near_the_target_is_an_error(run):
    with pytest.raises(
        DataError, match=r'No class has a source image and 5 target images .* 8 of 9 images .* most of a class is 4\.'
    ):
        steps(hook(min_per_class=5), run(), 0)
