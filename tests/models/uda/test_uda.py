"""The wrapped network: identities with the stock one, data flow of STCT, checkpoints."""

import copy

import pytest
import torch
from mmengine.model import Sequential
from torch import nn

from mmuda.functional import coordination_ramp
from mmuda.models.layers import AdaBN2d, convert_norm
from mmuda.models.terms import AlignmentTerm
from mmuda.models.uda import SelfTrainingUDA, UDAModel
from mmuda.models.uda.teacher import set_teacher_mode


class Probe(AlignmentTerm):
    """A term that shows what it was given."""

    def __init__(self, taps=('backbone', 'decode_head.conv_seg')):
        super().__init__(taps)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, source, target, step):
        self.seen = source, target, int(step)
        return dict(loss=self.scale * source.logits.mean(), gap=source.logits.mean() - target.logits.mean())


STCT = dict(type='PseudoLabelLoss', weight=dict(type='CoordinationWeight'))


@pytest.fixture
def build(tiny_student):
    def make(kind=SelfTrainingUDA, **options):
        if kind is SelfTrainingUDA:
            options['terms'] = dict(target=STCT) | options.get('terms', {})
        student = options.pop('student', None) or tiny_student(dropout_ratio=0)
        student['backbone']['drop_path_rate'] = options.pop('drop_path', 0.0)
        return kind(task='segmentation', student=student, **options).train()

    return make


def run(model, data):
    model.teacher_updater = 'a test'
    return model(**model.data_preprocessor(data, training=True), mode='loss')


def test_without_terms_the_loss_is_the_stock_models(build, domain_batch, tiny_student):
    """In evaluation mode of the norms, since a joint batch has other batch statistics than the source alone."""
    model = build(UDAModel).eval()
    data = model.data_preprocessor(domain_batch('stst'), training=True)
    stock = model.student.loss(data['inputs'][:2], data['data_samples'][:2])
    losses = model.loss(**data)
    assert set(losses) == {'loss_source'}
    torch.testing.assert_close(losses['loss_source'], stock['decode.loss_ce'])


def test_without_target_weight_self_training_has_the_stock_models_gradients(build, domain_batch, tiny_student):
    student = tiny_student(norm='GN', dropout_ratio=0)
    model = build(student=student, terms=dict(target=dict(STCT, weight=dict(alpha=0))))
    batch = domain_batch('sstt')
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    model.student.loss(data['inputs'][:2], data['data_samples'][:2])['decode.loss_ce'].backward()
    stock = [parameter.grad.clone() for parameter in model.student.parameters()]
    model.zero_grad()
    losses = run(model, batch)
    (losses['loss_source'] + losses['loss_target']).backward()
    for parameter, gradient in zip(model.student.parameters(), stock, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-4)


def test_stct_loss_equals_the_formula(build, domain_batch):
    model = build().eval()  # no dropout, running statistics: passes can be repeated
    model.teacher.load_state_dict({k: v + 0.01 * torch.randn_like(v) if v.is_floating_point() else v
                                   for k, v in model.student.state_dict().items()})  # fmt: skip
    model.step.fill_(1500)
    data = model.data_preprocessor(domain_batch('stst'), training=True)
    losses = model.loss(**data)
    target = data['inputs'][2:]
    up = lambda net: nn.functional.interpolate(net(target), (32, 32), mode='bilinear')  # noqa: E731
    label, logits = up(model.teacher).argmax(1), up(model.student)
    agreement = (logits.argmax(1) == label).float().mean((1, 2))
    weight = agreement * coordination_ramp(1500, 2e-4)
    cost = nn.functional.cross_entropy(logits, label, reduction='none').mean((1, 2))
    torch.testing.assert_close(losses['loss_target'], (weight * cost).mean())
    torch.testing.assert_close(losses['pseudo_accuracy'], agreement.mean())
    torch.testing.assert_close(losses['coordination'], weight.mean())
    assert 0 < agreement.mean() < 1


def test_padding_and_borders_are_neither_counted_nor_trained_on(build, domain_batch):
    """The source is larger than the target, so the host pads the target to its size."""
    model = build(labeller=dict(type='TeacherLabels', ignore_bottom=8)).eval()
    model.student.data_preprocessor.size = None
    model.student.data_preprocessor.size_divisor = 64
    model.teacher.load_state_dict(build().student.state_dict())
    model.step.fill_(1500)
    small = domain_batch('tt', size=32)
    large = domain_batch('ss', size=64)
    batch = {key: [large[key][0], small[key][0]] for key in large}
    data = model.data_preprocessor(batch, training=True)
    losses = model.loss(**data)
    target = data['inputs'][1:]
    label = nn.functional.interpolate(model.teacher(target), (64, 64), mode='bilinear').argmax(1)[:, :32, :32]
    logits = nn.functional.interpolate(model.student(target), (64, 64), mode='bilinear')[:, :, :32, :32]
    agreement = (logits.argmax(1) == label).float().mean()
    cost = nn.functional.cross_entropy(logits, label)
    torch.testing.assert_close(losses['pseudo_accuracy'], agreement)
    torch.testing.assert_close(losses['loss_target'], agreement * coordination_ramp(1500, 2e-4) * cost)


def test_confidence_multiplies_the_weight(build, domain_batch):
    batch = domain_batch('stst')
    terms = dict(target=dict(STCT, weight=dict(fixed=1.0)))
    teacher = dict(type='TeacherLabels', confidence='image')
    plain = build(terms=terms).eval()
    sure = build(terms=terms, labeller=dict(teacher, threshold=0.0)).eval()
    never = build(terms=terms, labeller=dict(teacher, threshold=1.0)).eval()
    for model in (sure, never):
        model.load_state_dict(plain.state_dict())
    torch.testing.assert_close(
        run(sure, copy.deepcopy(batch))['loss_target'], run(plain, copy.deepcopy(batch))['loss_target']
    )
    assert run(never, batch)['loss_target'] == 0


def test_the_step_is_a_buffer_that_counts_training_passes(build, domain_batch):
    model = build(UDAModel)
    run(model, domain_batch())
    run(model, domain_batch())
    assert model.state_dict()['step'] == 2
    run(model.eval(), domain_batch())
    assert model.step == 2


def test_a_fixed_teacher_needs_nobody_to_update_it(build, domain_batch):
    fixed, mean = build(teacher='fixed'), build()
    data = fixed.data_preprocessor(domain_batch(), training=True)
    assert 'loss_target' in fixed(**data, mode='loss')
    with pytest.raises(RuntimeError, match='nobody updates it'):
        mean(**data, mode='loss')


def test_the_teacher_never_trains(build, domain_batch):
    model = build(drop_path=0.5)
    sum(value for key, value in run(model, domain_batch()).items() if 'loss' in key).backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in model.teacher.parameters())
    assert not any(module.training for module in model.teacher.modules())
    batch = build(teacher_norm='batch', drop_path=0.5)
    training = {type(module).__name__ for module in batch.teacher.modules() if module.training}
    assert training == {'BatchNorm2d'}
    assert not any(module.training for module in batch.eval().teacher.modules())


@pytest.mark.parametrize('of', ['target', ('source', 'target')])
def test_the_student_sees_the_view_and_the_teacher_the_plain_target(build, domain_batch, of):
    model = build(views=dict(target=dict(type='StudentView', of=of, jitter_prob=1.0)))
    seen = {}
    for name in ('student', 'teacher'):
        getattr(model, name).backbone.register_forward_pre_hook(lambda _, x, name=name: seen.__setitem__(name, x[0]))
    data = model.data_preprocessor(domain_batch('stst'), training=True)
    model.loss(**data)
    source, target = data['inputs'][:2], data['inputs'][2:]
    assert torch.equal(seen['teacher'], target)
    assert torch.equal(seen['student'][:2], source) == (of == 'target')
    assert not torch.allclose(seen['student'][2:], target, atol=1e-2)


def test_terms_get_split_views_and_their_losses_are_named(build, domain_batch):
    model = build(UDAModel, terms=dict(probe=Probe(), dropped=None))
    losses = run(model, domain_batch('stt'))
    source, target, step = model.terms['probe'].seen
    assert set(losses) == {'loss_source', 'loss_probe', 'probe.gap'}
    assert (len(source.inputs), len(target.inputs), step) == (1, 2, 0)
    assert [len(x) for x in source.features['backbone']] == [1] * 4
    assert len(target.features['decode_head.conv_seg']) == 2
    assert source.label.shape == (1, 32, 32)
    assert target.label is None
    losses['loss_probe'].backward()
    assert model.terms['probe'].scale.grad is not None


def test_a_plain_checkpoint_starts_student_and_teacher(build):
    plain = build(UDAModel).student.state_dict()
    model = build(terms=dict(fd=dict(type='FeatureDistance', classes=[1])))
    reference = model.terms['fd'].reference.state_dict()
    model.load_state_dict(dict(plain))
    for net in (model.student, model.teacher):
        assert all(torch.equal(net.state_dict()[key], value) for key, value in plain.items())
    assert all(torch.equal(model.terms['fd'].reference.state_dict()[key], value) for key, value in reference.items())


def test_a_plain_checkpoint_with_batch_norms_starts_norms_of_two_domains(build, tiny_student):
    model = build(student=tiny_student('mmuda.TransNorm2d'))
    plain = build(UDAModel, student=tiny_student()).student.state_dict()
    torch.nn.init.normal_(plain['decode_head.fusion_conv.bn.running_mean'])
    model.load_state_dict(plain)
    mean = plain['decode_head.fusion_conv.bn.running_mean']
    for network in (model.student, model.teacher):
        norm = network.decode_head.fusion_conv.bn
        assert torch.equal(norm.running_mean_source, mean)
        assert torch.equal(norm.running_mean_target, mean)


def test_its_own_checkpoint_restores_everything(build, domain_batch):
    model = build()
    run(model, domain_batch())
    model.teacher.load_state_dict(build().teacher.state_dict())
    again = build()
    again.load_state_dict(model.state_dict())
    assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())
    assert again.step == 1


def test_a_checkpoint_of_another_model_is_refused_in_one_sentence(build, tiny_student):
    model = build()
    with pytest.raises(
        RuntimeError, match=r'of another model.*lacks \d+ tensors \(backbone.*unknown 1 tensors \(conv\.weight\)'
    ):
        model.load_state_dict({'conv.weight': torch.zeros(1)})
    other = dict(model.student.state_dict())
    other['decode_head.conv_seg.weight'] = torch.zeros(19, 16, 1, 1)
    with pytest.raises(RuntimeError, match=r'other shapes for 1 tensors \(decode_head\.conv_seg\.weight\)'):
        model.load_state_dict(other)


def test_predictions_come_from_the_chosen_network(build):
    model = build().eval()
    inputs = torch.randn(1, 3, 32, 32)
    model.teacher.load_state_dict(build().student.state_dict())
    assert torch.equal(model(inputs), model.student(inputs))
    model.predict_on = 'teacher'
    assert torch.equal(model(inputs), model.teacher(inputs))
    with pytest.raises(ValueError, match=r"predict_on='ema'.*student, teacher"):
        model.predict_on = 'ema'
    with pytest.raises(ValueError, match=r"predict_on='teacher'.*UDAModel"):
        build(UDAModel, predict_on='teacher')


def test_a_top_level_preprocessor_goes_to_a_student_without_one(build, tiny_student):
    student = tiny_student()
    preprocessor = student.pop('data_preprocessor')
    model = build(student=student, data_preprocessor=preprocessor)
    assert model.student.data_preprocessor.size == (32, 32)
    with pytest.raises(TypeError, match='data_preprocessor'):
        build(student={k: v for k, v in student.items() if k != 'data_preprocessor'})


def test_initialising_copies_the_student_into_the_teacher_once(build):
    model = build()
    model.teacher.decode_head.conv_seg.weight.fill_(2)
    model.init_weights()
    for name, value in model.student.state_dict().items():
        assert torch.equal(model.teacher.state_dict()[name], value)
    model.teacher.decode_head.conv_seg.weight.fill_(3)
    model.init_weights()
    assert (model.teacher.decode_head.conv_seg.weight == 3).all()


def test_norms_that_the_student_freezes_stay_frozen_in_the_teacher(build):
    model = build(teacher_norm='batch')
    model.student.decode_head.fusion_conv.bn.eval()
    model.eval()
    model.student.train()
    model.student.decode_head.fusion_conv.bn.eval()
    set_teacher_mode(model.teacher, model.student, 'batch', True)
    training = [module.training for module in model.teacher.modules() if isinstance(module, nn.BatchNorm2d)]
    assert training.count(False) == 1
    assert len(training) > 1


def test_a_terms_step_may_stand_in_its_graph(build, domain_batch):
    class Ramp(AlignmentTerm):
        def forward(self, source, target, step):
            return dict(loss=source.logits.mean() * step)

    losses = run(build(UDAModel, terms=dict(ramp=Ramp())), domain_batch())
    losses['loss_ramp'].backward()
    assert losses['loss_ramp'] == 0


class OwnStart(AlignmentTerm):
    """A term whose parameters have first weights of their own, by its ``init_cfg`` or that of a part."""

    def __init__(self, init_cfg=None, part_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.linear = nn.Linear(2, 2)
        self.part = Sequential(nn.Linear(2, 2), init_cfg=part_cfg)

    def forward(self, source, target, step):
        return dict(loss=source.logits.mean() * self.linear.weight.mean() * self.part[0].weight.mean())


def test_first_weights_of_terms_are_those_of_their_configs(build):
    threes, fours = (dict(type='Constant', layer='Linear', val=value) for value in (3.0, 4.0))
    model = build(UDAModel, terms=dict(whole=OwnStart(threes), part=OwnStart(part_cfg=fours), none=OwnStart()))
    drawn = copy.deepcopy(model.terms.state_dict())
    model.init_weights()
    for name, value in model.terms.state_dict().items():
        if name.startswith('whole.') and name.endswith('.weight'):
            assert (value == 3).all()
        elif name == 'part.part.0.weight':
            assert (value == 4).all()
        elif not name.endswith('.bias'):
            assert torch.equal(value, drawn[name])


def test_only_the_loss_of_a_term_is_added_to_the_total(build, domain_batch):
    class Logs(AlignmentTerm):
        def forward(self, source, target, step):
            return dict(loss=source.logits.mean(), adversarial_loss=source.logits.mean())

    with pytest.raises(ValueError, match=r"terms\['logs'\] returned 'adversarial_loss'.*added to the total"):
        run(build(UDAModel, terms=dict(logs=Logs())), domain_batch())


def test_bad_parts_are_named(build, domain_batch):
    with pytest.raises(ValueError, match='rename it'):
        build(terms=dict(contrastive_loss=Probe()))
    with pytest.raises(KeyError, match="no module 'bakbone' to tap; near it: backbone"):
        build(terms=dict(fd=dict(type='FeatureDistance', classes=[1], encoder='bakbone')))
    with pytest.raises(TypeError, match=r"terms\['head'\] is a Linear"):
        build(terms=dict(head=nn.Linear(1, 1)))
    with pytest.raises(ValueError, match=r"teacher_norm='none'.*running, batch"):
        build(teacher_norm='none')
    with pytest.raises(ValueError, match=r"teacher='frozen'.*mean, fixed"):
        build(teacher='frozen')
    with pytest.raises(ValueError, match='layout'):
        build(UDAModel)(torch.zeros(2, 3, 32, 32), [], mode='loss')


def classifier(tiny_classifier, norm='BN', **options):
    return UDAModel(task='classification', student=tiny_classifier(norm), **options).train()


def test_a_batchs_pseudo_labels_reach_the_terms(tiny_classifier, class_batch):
    model = classifier(tiny_classifier, terms=dict(probe=Probe(taps=('neck',))), labeller=dict(type='ClusterLabels'))
    for given, seen in (([], None), ([(1, 2)], [2, -1]), ([(1, 0), (3, -1)], [0, -1])):
        batch = class_batch('stst')
        for number, label in given:
            batch['data_samples'][number].set_metainfo(dict(pseudo_label=label))
        run(model, batch)
        source, target, _ = model.terms['probe'].seen
        assert source.label.tolist() == [0, 2]
        assert (None if target.label is None else target.label.tolist()) == seen


def test_features_are_those_of_an_evaluation_that_leaves_no_trace(tiny_classifier, class_batch):
    model = classifier(tiny_classifier)
    run(model, class_batch('ssstt'))
    model.student.backbone.norm.eval()  # as a frozen norm in training
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    x = model.data_preprocessor(class_batch('sss'), training=False)['inputs']
    found = {tap: model.embed(x, tap, 'source') for tap in ('neck', 'backbone', 'backbone.conv')}
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    net = copy.deepcopy(model.student).eval()
    torch.testing.assert_close(found['neck'], net.extract_feat(x)[-1])
    torch.testing.assert_close(found['backbone'], net.backbone(x)[0].mean((2, 3)))
    torch.testing.assert_close(found['backbone.conv'], net.backbone.conv(x).mean((2, 3)))
    assert not any(value.requires_grad for value in found.values())
    with pytest.raises(KeyError, match="has no module 'nekc' to tap; near it: neck"):
        model.embed(x, 'nekc', 'source')


def test_features_are_normalised_as_those_of_their_domain(tiny_classifier, class_batch):
    model = classifier(tiny_classifier)
    norm = model.student.backbone.norm = convert_norm(model.student.backbone.norm, 'DomainSpecificBatchNorm')
    norm.running_mean_target.fill_(3)
    x = model.data_preprocessor(class_batch('sss'), training=False)['inputs']
    found = [model.embed(x, 'backbone.norm', domain) for domain in ('source', 'target')]
    torch.testing.assert_close(found[0] - found[1], torch.full((3, 6), 3.0), atol=1e-4, rtol=1e-4)
    assert norm.eval_domain == 'target'
    assert norm.training


def test_adapting_takes_statistics_of_the_target_and_nothing_else(build, tiny_student, domain_batch):
    """Modes, parameters and the source's statistics stay; a network without AdaBN has none to take."""
    model = build(UDAModel, student=tiny_student(norm='mmuda.AdaBN2d', dropout_ratio=0))
    inputs = model.data_preprocessor(domain_batch('sstt'), training=True)['inputs']
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert model.adapt_norms([inputs, inputs + 1]) > 0
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, state[name])}
    assert changed
    assert all(name.endswith('_target') for name in changed)
    assert all(module.training for module in (model, *model.student.modules()))
    assert build(UDAModel).adapt_norms([inputs]) == 0


def test_adapting_reaches_the_teacher(build, tiny_student, domain_batch):
    model = build(student=tiny_student(norm='mmuda.AdaBN2d', dropout_ratio=0))
    inputs = model.data_preprocessor(domain_batch('sstt'), training=True)['inputs']
    norms = [module for module in model.student.modules() if isinstance(module, AdaBN2d)]
    assert model.adapt_norms([inputs + 1]) == 2 * len(norms) > 0
    statistics = [
        {name: value for name, value in network.state_dict().items() if name.endswith('_target')}
        for network in (model.student, model.teacher)
    ]
    assert statistics[0]
    torch.testing.assert_close(*statistics)


def test_a_term_that_must_know_the_classes_asks_the_student(build):
    """A number of its own wins, and is refused where it does not fit."""
    terms = dict(adversarial=dict(type='mmuda.OutputAdversarial'))
    model = build(UDAModel, terms=terms)
    assert model.terms['adversarial'].num_classes == model.student.decode_head.num_classes
    with pytest.raises(ValueError, match='OutputAdversarial has num_classes=3, but the student'):
        build(UDAModel, terms=dict(adversarial=dict(terms['adversarial'], num_classes=3)))


def test_the_length_of_the_training_reaches_every_part_that_counts(build):
    model = build()
    model.set_length(70)
    assert model.terms['target'].length == model.terms['target'].weight.length == 70


@pytest.mark.parametrize('key', ['pretrained', 'train_cfg'])
def test_what_mmseg_sets_to_none_is_dropped(build, key):
    build(UDAModel, **{key: None})
    with pytest.raises(TypeError, match=key):
        build(UDAModel, **{key: dict(x=1)})
