"""Student and teacher are scored apart; a resume seeks or replays."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MMLogger, print_log
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mmuda.engine.runners import MeanTeacherValLoop, ResumableTrainLoop


class Model(nn.Module):
    """Answers with the bias of the network that predicts."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(1, 1), nn.Linear(1, 1)
        self.student.bias.data.fill_(1)
        self.teacher.bias.data.fill_(2)
        self.predict_on = 'student'

    def val_step(self, data):
        return [getattr(self, self.predict_on).bias.item()] * len(data[0])


class Mean(BaseMetric):
    default_prefix = None

    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(mean=sum(results) / len(results))


class Runner(SimpleNamespace):
    def call_hook(self, name, **options):
        self.calls.append((name, options.get('metrics')))


@pytest.fixture
def loop():
    runner = Runner(model=Model(), calls=[])
    loop = MeanTeacherValLoop.__new__(MeanTeacherValLoop)
    loop._runner, loop.fp16, loop.networks = runner, False, ('student', 'teacher')
    loop.dataloader = DataLoader(TensorDataset(torch.zeros(3)))
    loop.evaluator = Evaluator(Mean())
    loop.val_loss = {}
    return loop


def test_both_networks_are_scored_and_the_students_names_stay_plain(loop):
    assert loop.run() == {'mean': 1.0, 'teacher/mean': 2.0}
    assert loop.runner.model.predict_on == 'student'
    names = [name for name, _ in loop.runner.calls]
    assert names.count('before_val_epoch') == names.count('after_val_epoch') == 1
    assert names.count('after_val_iter') == 6


class Table(Mean):
    def compute_metrics(self, results):
        print_log('a table', 'current')
        return super().compute_metrics(results)


TITLES = ['Scores of the student:', 'a table', 'Scores of the teacher:', 'a table']


@pytest.mark.parametrize(('metric', 'lines'), [(Table, TITLES), (Mean, [])], ids=['table', 'no table'])
def test_the_network_is_named_above_its_table_alone(loop, metric, lines):
    loop.evaluator = Evaluator(metric())
    said, logger = [], MMLogger.get_current_instance()
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger.addHandler(handler)
    loop.run()
    logger.removeHandler(handler)
    assert said == lines
    assert logger.filters == []


def test_an_evaluation_that_fails_leaves_the_choice_of_network(loop):
    loop.runner.model.val_step = None
    with pytest.raises(TypeError):
        loop.run()
    assert loop.runner.model.predict_on == 'student'


class Sampler(list):
    position = None

    def set_position(self, samples):
        self.position = samples


def seek(sampler, steps):
    loop = ResumableTrainLoop.__new__(ResumableTrainLoop)
    loop.dataloader = DataLoader(TensorDataset(torch.arange(8)), batch_size=2, sampler=sampler)
    loop.dataloader_iterator = iter(loop.dataloader)
    loop.seek(steps)
    return loop


def test_a_seekable_sampler_is_moved():
    sampler = Sampler(range(8))
    seek(sampler, 3)
    assert sampler.position == 6


def test_with_any_other_the_past_data_are_replayed():
    loop = seek(list(range(8)), 3)
    assert next(loop.dataloader_iterator)[0].tolist() == [6, 7]


class Counted(Sampler):
    def check_batch(self, size):
        self.checked = size


def build(samples=11, **options):
    data = TensorDataset(torch.arange(samples))
    data.metainfo = {}
    loader = DataLoader(data, batch_size=2, sampler=Counted(range(samples)))
    return ResumableTrainLoop(Runner(visualizer=SimpleNamespace()), loader, **options)


def test_a_training_may_be_given_in_epochs():
    loop = build(max_epochs=3, val_begin=2, val_interval=1, dynamic_intervals=[(2, 3)])
    assert (loop.max_iters, loop.val_begin, loop.val_interval) == (15, 10, 5)
    assert (loop.dynamic_milestones, loop.dynamic_intervals) == ([0, 10], [5, 15])
    assert loop.dataloader.sampler.checked == 2
    loop = build(max_iters=7, val_interval=4)
    assert loop.epoch_length == 5
    assert (loop.max_iters, loop.val_begin, loop.val_interval) == (7, 1, 4)


def test_a_training_may_end_earlier_as_if_it_had_been_meant_to():
    loop = build(max_iters=7, val_interval=4)
    loop.runner.val_loop = object()
    loop._iter = 3
    assert not loop._validates()
    loop.end_at(3)
    assert loop.max_iters == 3
    assert loop._validates()


def test_a_length_is_given_once_and_has_a_batch():
    for options in (dict(), dict(max_iters=7, max_epochs=1)):
        with pytest.raises(ValueError, match=r'max_iters=.* and max_epochs=.*: give one of them'):
            build(**options)
    with pytest.raises(ValueError, match='An epoch has 1 samples, less than one batch of 2'):
        build(1, max_epochs=3)


def test_metrics_that_compare_networks_are_told_which_one_predicts(loop):
    metric = loop.evaluator.metrics[0]
    metric.network, seen, process = None, [], metric.process
    metric.process = lambda *batch: (seen.append(metric.network), process(*batch))
    loop.run()
    assert seen == ['student'] * 3 + ['teacher'] * 3
