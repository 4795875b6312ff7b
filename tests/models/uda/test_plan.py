"""What a step needs: which views are made and passed, and configs that cannot work."""

import pytest
import torch
from torch import nn

from mmuda.domain import DomainLayer
from mmuda.models.labellers import OwnLabels, TeacherLabels
from mmuda.models.layers import TransNorm2d
from mmuda.models.terms import AlignmentTerm, PseudoLabelLoss, SupervisedLoss
from mmuda.models.uda import SelfTrainingUDA, UDAModel
from mmuda.models.uda.plan import plan_step
from mmuda.models.views import StudentView, ViewMaker


class Paste(ViewMaker):
    needs_labels = ('source', 'target')


def plan(terms, makers=None, labeller=None, passes='joint', student=None, also=()):
    return plan_step(terms, makers or {}, labeller, passes, student or nn.Linear(1, 1), also)


SOURCE = dict(source=SupervisedLoss())


def test_a_view_that_no_term_reads_costs_nothing():
    with pytest.warns(UserWarning, match='TeacherLabels labels for nobody, as no term reads target'):
        found = plan(SOURCE, labeller=TeacherLabels())
    assert found.passes == (('source',),)
    assert found.needed == {'source'}
    assert not found.labels
    with pytest.warns(UserWarning, match=r"views\['mixed'\] is made for nobody"):
        found = plan(SOURCE, dict(mixed=Paste()), TeacherLabels())
    assert found.makers == ()
    assert found.passed == ('source',)


def test_makers_of_makers_run_and_their_views_come_behind_the_source():
    terms = dict(mixed=PseudoLabelLoss('mixed'), **SOURCE)
    makers = dict(pasted=Paste(), mixed=StudentView(of='pasted'))
    found = plan(terms, makers, TeacherLabels())
    assert found.makers == ('pasted', 'mixed')
    assert found.passes == (('source', 'mixed'),)
    assert found.needed == {'source', 'target'}
    assert found.labels
    assert found.origins['mixed'] == 'target'
    assert plan(terms, makers, TeacherLabels(), 'separate').passes == (('source',), ('mixed',))


def test_a_view_in_the_place_of_another_still_needs_that():
    found = plan(dict(target=PseudoLabelLoss(), **SOURCE), dict(target=StudentView()), TeacherLabels())
    assert (found.makers, found.passes) == (('target',), (('source', 'target'),))
    assert found.needed == {'source', 'target'}


def test_a_labeller_may_add_a_view_of_the_source():
    terms = dict(target=PseudoLabelLoss(('unlabelled', 'target')), **SOURCE)
    found = plan(terms, labeller=OwnLabels(include_source=True))
    assert found.passes == (('source', 'unlabelled', 'target'),)
    assert found.needed == {'source', 'target'}
    found = plan(terms, labeller=OwnLabels(include_source=True), passes=[['target', 'unlabelled'], ['source']])
    assert found.passes == (('unlabelled', 'target'), ('source',))


def test_layers_of_two_domains_read_both():
    assert plan(SOURCE, student=TransNorm2d(3)).passes == (('source', 'target'),)
    assert plan(SOURCE, also=('source', 'target')).passes == (('source', 'target'),)


def test_what_cannot_work_is_said_at_the_start():
    mixed = dict(mixed=PseudoLabelLoss('mixed'))
    with pytest.raises(ValueError, match=r"terms\['mixed'\] reads the view 'mixed', which nobody makes"):
        plan(mixed)
    with pytest.raises(ValueError, match=r"views\['mixed'\] is made of 'pasted', which nobody makes before it"):
        plan(mixed, dict(mixed=StudentView(of='pasted'), pasted=Paste()), TeacherLabels())
    with pytest.raises(ValueError, match=r"views\['mixed'\] is a Paste, which needs labels of the target: .*labeller"):
        plan(mixed, dict(mixed=Paste()))
    with pytest.raises(ValueError, match=r"passes='alone' is unknown: use one of joint, separate"):
        plan(SOURCE, passes='alone')
    with pytest.raises(ValueError, match=r"passes=\[\['source', 'mixed'\]\] lists other views than .*\(source\)"):
        plan(SOURCE, passes=[['source', 'mixed']])
    with pytest.raises(ValueError, match=r'TransNorm2d needs both domains in one pass, but a pass has source alone'):
        plan(dict(align=AlignmentTerm()), passes='separate', student=TransNorm2d(3))


def test_two_layouts_and_recomputation_do_not_go_together():
    class Layer(DomainLayer, nn.Module):
        with_cp = True

    with pytest.raises(ValueError, match=r'2 passes have as many layouts.*would show Layer the last'):
        plan(dict(align=AlignmentTerm()), passes='separate', student=Layer())


def run(model, data):
    return model(**model.data_preprocessor(data, training=True), mode='loss')


@pytest.mark.parametrize('passes', ['joint', 'separate'])
def test_separate_passes_are_those_of_each_view_alone(tiny_student, domain_batch, passes):
    """With a batch norm: statistics of each view, running ones move once a view; without, passes do not matter."""
    student = tiny_student(dropout_ratio=0)
    student['backbone']['drop_path_rate'] = 0.0
    terms = dict(target=dict(type='PseudoLabelLoss'))
    model = SelfTrainingUDA(task='segmentation', student=student, terms=terms, passes=passes, teacher='fixed')
    norm = model.train().student.decode_head.fusion_conv.bn
    data = model.data_preprocessor(domain_batch('stst'), training=True)
    losses = model(**data, mode='loss')
    assert norm.num_batches_tracked == (2 if passes == 'separate' else 1)
    alone = model.student(data['inputs'][:2])
    label = model.task.labels(data['data_samples'][:2])
    found = model.task.losses(model.student, model.task.run(model.student, data['inputs'][:2]), label)['loss']
    assert alone.shape[0] == 2
    assert torch.equal(losses['loss_source'], found) == (passes == 'separate')


def test_without_a_reader_of_the_target_a_batch_may_lack_it(tiny_classifier, class_batch):
    model = UDAModel(task='classification', student=tiny_classifier()).train()
    assert set(run(model, class_batch('sss'))) == {'loss_source'}
    both = UDAModel(task='classification', student=tiny_classifier(), terms=dict(dann=dict(type='DANN', in_channels=4)))
    with pytest.raises(ValueError, match='has no target image'):
        run(both.train(), class_batch('sss'))


def test_a_model_may_have_no_source(tiny_classifier, class_batch):
    class Entropy(AlignmentTerm):
        def __init__(self):
            super().__init__()
            self.reads = ('target',)

        def forward(self, target, step):
            p = target.logits.softmax(1)
            return dict(loss=-(p * p.log()).sum(1).mean())

    terms = dict(source=None, entropy=Entropy())
    model = UDAModel(task='classification', student=tiny_classifier(), terms=terms).train()
    losses = run(model, class_batch('ttt'))
    losses['loss_entropy'].backward()
    assert set(losses) == {'loss_entropy'}


def test_a_teacher_s_labels_need_a_teacher(tiny_student):
    with pytest.raises(ValueError, match=r"TeacherLabels asks the teacher, which UDAModel has not: use type='Self"):
        UDAModel(task='segmentation', student=tiny_student(), labeller=dict(type='TeacherLabels'))
