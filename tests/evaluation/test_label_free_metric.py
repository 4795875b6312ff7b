"""Criteria on images without labels: of both tasks, of the same pixels whatever the run, by one process or two."""

import multiprocessing

import pytest
import torch
import torch.distributed as dist

from mmuda.evaluation import LabelFreeMetric
from mmuda.functional import class_correlation, mean_entropy
from mmuda.scores import CRITERION_RULES

fork = multiprocessing.get_context('fork')
CRITERIA = {f'mmuda/{name}' for name in CRITERION_RULES} - {'mmuda/agreement', 'mmuda/dev'}


def classified(probability) -> list[dict]:
    return [dict(pred_label=row.argmax()[None], pred_score=row) for row in probability]


def segmented(count=3, classes=4, size=(9, 7)) -> list[dict]:
    return [dict(img_path=f'x/{i}.png', seg_logits=dict(data=torch.randn(classes, *size))) for i in range(count)]


def scores_of(samples, metric=None, **options) -> dict:
    metric = metric or LabelFreeMetric(**options)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_of_a_classifier_every_image_counts():
    probability = torch.randn(9, 4).softmax(1)
    scores = scores_of(classified(probability))
    assert set(scores) == CRITERIA
    assert scores['mmuda/entropy'] == pytest.approx(mean_entropy(probability).item(), abs=1e-5)
    assert scores['mmuda/corr_c'] == pytest.approx(class_correlation(probability).item(), abs=1e-5)


def test_of_a_segmentation_the_same_pixels_count_in_every_run():
    samples = segmented()
    scores = scores_of(samples, pixels=5)
    assert set(scores) == CRITERIA
    assert scores == scores_of(samples, pixels=5)
    moved = [dict(sample, img_path=f'elsewhere/{i}.png') for i, sample in enumerate(samples)]
    assert scores == scores_of(moved, pixels=5)
    assert scores != scores_of([dict(sample, img_path=f'{i}_.png') for i, sample in enumerate(samples)], pixels=5)


def test_a_single_score_of_mmseg_is_a_probability_of_two_classes():
    sample = dict(img_path='a.png', seg_logits=dict(data=torch.full((1, 4, 4), 0.5)))
    assert scores_of([sample])['mmuda/entropy'] == 1


def test_no_label_is_read():
    class Refusing(dict):
        def __getitem__(self, key):
            assert 'gt' not in key
            return super().__getitem__(key)

    labels = dict(gt_sem_seg=dict(data=torch.zeros(1, 9, 7)), gt_label=torch.tensor([1]))
    assert set(scores_of([Refusing(sample, **labels) for sample in segmented()])) == CRITERIA


def test_agreement_of_student_and_teacher():
    metric = LabelFreeMetric()
    networks = dict(student=[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], teacher=[[0.6, 0.4], [0.4, 0.6], [0.1, 0.9]])
    found = {}
    for metric.network, rows in networks.items():
        found[metric.network] = scores_of(classified(torch.tensor(rows)), metric)
    assert 'mmuda/agreement' not in found['student']
    assert found['teacher']['mmuda/agreement'] == pytest.approx(2 / 3, abs=1e-5)
    assert 'mmuda/agreement' not in scores_of(classified(torch.tensor(rows)), metric)  # of no student before it


def test_errors():
    with pytest.raises(ValueError, match='pixels=0: take 1 or more'):
        LabelFreeMetric(pixels=0)
    with pytest.raises(ValueError, match=r'a\.png has no class scores, .* leave out test-time augmentation'):
        scores_of([dict(img_path='a.png')])


def _rank(rank, file, folder, pipe):
    torch.manual_seed(0)
    dist.init_process_group('gloo', store=dist.FileStore(file, 2), rank=rank, world_size=2)
    samples = segmented(5)
    samples.append(samples[0])  # what a sampler repeats, so that both have as many
    metric = LabelFreeMetric(pixels=4, collect_dir=folder)
    for metric.network in ('student', 'teacher'):
        metric.process(None, samples[rank::2])
        scores = metric.evaluate(5)
    pipe.send(scores)
    pipe.recv()


def test_two_processes_give_what_one_gives(tmp_path):
    pipes = [fork.Pipe() for _ in range(2)]
    processes = [
        fork.Process(target=_rank, args=(i, str(tmp_path / 'store'), str(tmp_path / 'parts'), pipes[i][1]))
        for i in range(2)
    ]
    for process in processes:
        process.start()
    found = [ours.recv() for ours, _ in pipes]
    for (ours, _), process in zip(pipes, processes):
        ours.send('end')
        process.join()
    torch.manual_seed(0)
    metric = LabelFreeMetric(pixels=4)
    samples = segmented(5)
    for metric.network in ('student', 'teacher'):
        expected = scores_of(samples, metric)
    assert found == [expected, expected]
    assert expected['mmuda/agreement'] == 1
