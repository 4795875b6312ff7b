"""Names and signatures that users of the parts build on: they stay importable from where they were promised."""

import importlib
import inspect

import pytest

pytest.importorskip('mmseg')
pytest.importorskip('mmpretrain')

NAMES = {
    'domain': 'DomainBatch(num_source, num_target, *, groups) DomainContext bind_domain_context(net) DomainLayer '
    'domain_checkpoint',
    'functional': 'transferability(mean_s, var_s, mean_t, var_t, eps, distance, probability) '
    'multi_kernel_mmd(source, target, num_kernels, multiplier, bandwidth, estimator, reduction) '
    'contrastive_domain_discrepancy(source, target, source_label, target_label, num_classes, reduction, intra_only) '
    'cross_layer_weights(target_maps, source_maps, detach, temperature, normalize) '
    'cross_layer_mmd(target_maps, source_maps) '
    'class_split(label, strategy, grid, generator, num_scattered, ignore_index) '
    'hybrid_attention(q, k, v, layout, q_groups, kv_groups, direction, intra_ratio, implementation) '
    'class_mask(label, classes) mix(mask, a, b) block_mask(draw, ratio, size) normalized_entropy(logits) '
    'fourier_style(source, target, beta, window)',
    'models.layers': 'TransNorm1d TransNorm3d '
    'TransNorm2d(num_features, eps, momentum, affine, track_running_stats, distance, probability, detach_alpha) '
    'DomainSpecificBatchNorm2d AdaBN2d AutoDIAL2d MixStyle(p, alpha) HybridAttention GradientReversal '
    'convert_norm(net, type) inference_pass(net, norm, domain, noise) '
    'DIDAModule(in_channels, out_channels, reduction, kernel_size, dilations, stride, rescale)',
    'models.backbones': 'MHAMixVisionTransformer',
    'models.necks': 'DIDANeck Bottleneck',
    'models.heads': 'DAFormerHead HRDAHead',
    'models.segmentors': 'MultiResolutionSegmentor',
    'models.views': 'ClassMix CutMix BlockMask TokenMask FourierStyle StudentView',
    'models.terms': 'SupervisedLoss PseudoLabelLoss EntropyLoss OutputAdversarial FeatureDistance CoordinationWeight '
    'ACDA DAN JAN DANN CDAN MDD MCD',
    'models.labellers': 'TeacherLabels OwnLabels ClusterLabels StoredLabels',
    'models.alignment': 'ACDA DAN JAN DANN CDAN MDD MCD ADVENT FeatureDistance',
    'models.self_training': 'CoordinationWeight(alpha) PseudoLabeler FixMatchLabeler StudentView',
    'models.uda': 'UDAModel(task, student, terms) SelfTrainingUDA(task, student)',
    'engine.hooks': 'MeanTeacherHook ACDAHook DomainContextHook',
    'engine.runners': 'MeanTeacherRunner',
    'datasets': 'DomainDataset(source, target) DomainSampler RareClassSampler',
    'apis': 'UDAInferencer(config, checkpoint)',
    'compat': 'apply()',
}


@pytest.mark.parametrize('room', NAMES)
def test_names_are_importable_and_take_what_they_took(room):
    module = importlib.import_module(f'mmuda.{room}')
    for entry in NAMES[room].replace(', ', ',').split():
        name, _, wanted = entry.rstrip(')').partition('(')
        assert name in module.__all__, name
        found = getattr(module, name)
        if not wanted:
            continue
        wanted, _, keywords = wanted.partition(',*,')
        parameters = inspect.signature(found).parameters
        assert list(parameters)[: wanted.count(',') + 1] == wanted.split(','), name
        assert all(parameters[key].kind == inspect.Parameter.KEYWORD_ONLY for key in keywords.split(',') if key), name
