"""One process of a small training run, started by the engine's tests (alone, or as a rank of two).

    python train_worker.py WORK_DIR --max-iters 4 [--norm BN] [--resume] [--kill-at 2] [--batch 4] [--strategy semantic]
    python train_worker.py WORK_DIR --classify ...
    python train_worker.py WORK_DIR --fixmatch [--dida] ...
    python train_worker.py WORK_DIR --method dacs mic ...
    python train_worker.py WORK_DIR --cluster PRETRAIN ...

The images are drawn inside the data set with python's, numpy's and torch's generators, and the student has drop path,
dropout and a random view, so that a run that repeats to the bit has restored or seeded every one of them.
"""

import argparse
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, RUNNERS

from mmuda import compat
from mmuda.apis import leave_distributed, run_tool
from mmuda.functional import contrastive_domain_discrepancy
from mmuda.models.terms import AlignmentTerm
from mmuda.models.views.paste import PasteMaker
from mmuda.registry import MODELS

compat.apply()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

SIZE = 32
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@DATASETS.register_module()
class Noise(BaseDataset):
    """Random images and labels; sample i has its own brightness, so the order of samples matters."""

    METAINFO = dict(classes=tuple('abcde'))

    def __init__(self, classify=False):
        self.classify = classify
        super().__init__()

    def load_data_list(self):
        return [dict(img_path=f'{i}.png', gt_label=i % 5) for i in range(7)]

    def prepare_data(self, idx):
        from mmengine.structures import PixelData
        from mmseg.structures import SegDataSample

        image = torch.randint(0, 60, (3, SIZE, SIZE)) + 20 * idx + random.randint(0, 9) + np.random.randint(9)
        if self.classify:
            from mmpretrain.structures import DataSample

            sample = DataSample(metainfo=dict(img_path=f'{idx}.png')).set_gt_label(idx % 5)
            sample.set_field(255 - image.to(torch.uint8) // 2, 'strong_view')
            return dict(inputs=image.to(torch.uint8), data_samples=sample)
        sample = SegDataSample(metainfo=dict(img_path=f'{idx}.png'))
        half = torch.randint(0, 5, (1, 2, 2)).repeat_interleave(SIZE // 2, 1).repeat_interleave(SIZE // 2, 2)
        sample.gt_sem_seg = PixelData(data=half)  # large enough patches for the feature distance
        return dict(inputs=image.to(torch.uint8), data_samples=sample)


class CutError(Exception):
    """The end of a run whose process goes on with another method."""


@HOOKS.register_module()
class Spy(Hook):
    """Dies without a word after a step, raises, asks itself to end in one, or keeps the gradients of the last one."""

    priority = 'LOWEST'

    def __init__(self, kill_at=None, raise_at=None, signal_at=None, dump=None):
        self.kill_at, self.raise_at, self.signal_at, self.dump = kill_at, raise_at, signal_at, dump

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == self.signal_at and runner.rank == runner.world_size - 1:
            os.kill(os.getpid(), signal.SIGTERM)

    def before_train(self, runner):
        if self.dump:
            self.leave_reference(runner)
        if self.dump and runner.rank == 0:
            runner.optim_wrapper.optimizer.register_step_pre_hook(lambda *_: self.save_gradients(runner))

    @staticmethod
    def leave_reference(runner):
        """Where student and reference are equal, the gradient of their distance is the direction of rounding errors."""
        generator = torch.Generator().manual_seed(0)
        model = getattr(runner.model, 'module', runner.model)
        with torch.no_grad():
            for parameter in getattr(model, 'student', model).parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)

    def save_gradients(self, runner):
        model = getattr(runner.model, 'module', runner.model)
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        torch.save({name: parameter.grad.clone() for name, parameter in trained.items()}, self.dump)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if runner.iter + 1 == self.raise_at:
            raise CutError


@MODELS.register_module()
class WithinClasses(AlignmentTerm):
    """Aligns the bottleneck within classes, those of the source and the target's pseudo-classes."""

    start_step = 0

    def __init__(self):
        super().__init__(('neck',))

    def forward(self, source, target, step):
        domains = [view.features['neck'][-1].flatten(1) for view in (source, target)]
        label = torch.full_like(source.label, -1) if target.label is None else target.label
        loss = contrastive_domain_discrepancy(*domains, source.label, label, num_classes=5, intra_only=True)['cdd']
        return dict(loss=loss * (step >= self.start_step), labelled=(label >= 0).float().mean())


def student(norm: str, random_layers: bool, strategy: str | None, width: int = 8) -> dict:
    keep = 0.1 if random_layers else 0.0
    attention = dict(type='mmuda.MixVisionTransformer')
    if strategy is not None:
        attention = dict(type='mmuda.MHAMixVisionTransformer', strategy=strategy, mha_prob=0.7 if random_layers else 1)
    return dict(
        _scope_='mmseg',
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[120.0] * 3, std=[60.0] * 3, size=(SIZE, SIZE)),
        backbone=dict(
            **attention,
            embed_dims=width,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 2, 2, 4],
            mlp_ratio=2,
            drop_path_rate=keep,
        ),
        decode_head=dict(
            type='mmuda.SegformerHead',
            in_channels=[width, 2 * width, 2 * width, 4 * width],
            in_index=[0, 1, 2, 3],
            channels=2 * width,
            num_classes=5,
            dropout_ratio=keep,
            norm_cfg=dict(type='GN', num_groups=4) if norm == 'GN' else dict(type=norm),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
        ),
    )


def classification(norm: str, random_layers: bool) -> dict:
    """A digit network with all adversaries at once; their ramps are steep enough for two steps."""
    norms = {} if norm == 'GN' else dict(norm_cfg=dict(type=f'{norm}2d'), fc_norm_cfg=dict(type=f'{norm}1d'))
    rate = 0.1 if random_layers else 0.0
    classifier = dict(type='LinearClsHead', num_classes=5, in_channels=16, init_cfg=dict(type='Xavier', layer='Linear'))
    adversary = dict(in_channels=16, ramp_steps=10, discriminator=dict(channels=8, dropout=rate))
    return dict(
        type='UDAModel',
        task='classification',
        student=dict(
            type='ImageClassifier',
            data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3),
            backbone=dict(type='mmuda.DTN', dropout=random_layers, **norms),
            neck=dict(
                type='mmuda.Bottleneck', in_channels=512, out_channels=16, init_cfg=dict(type='Xavier', layer='Linear')
            ),
            head=dict(type='mmuda.TwoClassifierHead', classifier=classifier),
        ),
        terms=dict(
            dann=dict(type='DANN', **adversary),
            cdan_e=dict(type='CDAN', num_classes=5, entropy=True, entropy_ramp_steps=10, **adversary),
            mdd=dict(type='MDD', in_channels=16, num_classes=5, channels=8, dropout=rate, ramp_steps=10),
            mcd=dict(type='MCD', ramp_steps=10),
        ),
    )


def fixmatch(args: argparse.Namespace) -> dict:
    """The digit network; the threshold lies among the probabilities of its first steps."""
    model = classification(args.norm, not args.plain)
    del model['terms']
    model['student']['head'] = model['student']['head']['classifier']
    if args.dida:
        norm = dict(type='GN', num_groups=4) if args.norm == 'GN' else dict(type=args.norm)
        branch = dict(type='mmuda.DIDABranch', in_channels=128, out_channels=256, stride=2, norm_cfg=norm)
        branch['module'] = dict(type='mmuda.DIDAModule')
        stages = model['student']['backbone']
        model['student']['backbone'] = dict(type='mmuda.ExtendedBackbone', backbone=stages, beside={'stages.2': branch})
    names = ['target'] if args.plain else ['unlabelled', 'target']
    return dict(
        model,
        labeller=dict(type='OwnLabels', threshold=0.22 if args.plain else 0.4, include_source=not args.plain),
        views={name: dict(type='StrongView', of=name) for name in names},
        terms=dict(target=dict(type='PseudoLabelLoss', view=names)),
    )


def clustered(args: argparse.Namespace) -> dict:
    return dict(
        classification(args.norm, not args.plain),
        terms=dict(within=dict(type='WithinClasses')),
        labeller=dict(type='ClusterLabels'),
    )


def aligned(args: argparse.Namespace) -> dict:
    """The digit network and every term with a distance of the domains' samples."""
    acda = dict(
        type='ACDA',
        taps=('backbone.stages.1', 'backbone.stages.2'),
        in_channels=(128, 256),
        same_taps=('neck', 'probs'),
        channels=8,
        size=4,
        norm_cfg=dict(type='GN', num_groups=4),
    )
    return dict(
        classification(args.norm, not args.plain),
        terms=dict(
            dan=dict(type='DAN', scores=True, reduction='sum'),
            linear=dict(type='DAN', estimator='linear'),
            jan=dict(type='JAN', estimator='unbiased'),
            acda=acda,
            classes=dict(acda, condition='cdd'),
        ),
        labeller=dict(type='OwnLabels', threshold=0.0),
    )


def small_classification(args: argparse.Namespace) -> dict:
    """The same adversaries on a network of which a checkpoint is small."""
    model = classification(args.norm, not args.plain)
    stages = dict(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,))
    model['student']['backbone'] = dict(type='ResNet', depth=18, stem_channels=4, base_channels=4, **stages)
    model['student']['neck'].update(in_channels=8)
    return dict(model, student=dict(model['student'], _scope_='mmpretrain'))


def segmentation(args: argparse.Namespace) -> dict:
    term = dict(type='FeatureDistance', classes=[1, 2], encoder='backbone', loss_weight=1.0)
    return dict(
        type='SelfTrainingUDA',
        task='segmentation',
        student=student(args.norm, not args.plain, args.strategy, width=4 if args.small else 8),
        terms=dict(
            target=dict(type='PseudoLabelLoss', weight=dict(alpha=0.1)), feature_distance=None if args.small else term
        ),
        views=dict(target=None if args.plain else dict(type='StudentView')),
    )


def method(args: argparse.Namespace) -> tuple[dict, list[dict], dict]:
    """Model, hooks and optimizer groups of a method's toy leaf, with the small student and settings for its images."""
    (leaf,) = (CONFIGS / args.method.replace('-', '_')).glob(f'{args.method}_*_toy.py')
    cfg = Config.fromfile(leaf)
    network = student(args.norm, not args.plain, args.strategy)
    if 'student' not in cfg.model:
        return network, [], None
    if cfg.model.student.backbone.type == 'mmuda.VisionTransformer':
        network = plain_transformer(network, cfg.model.student.to_dict())
    if cfg.model.student.type == 'mmuda.MultiResolutionSegmentor':
        network = two_resolutions(network, SIZE if args.plain else SIZE // 2)
    model = dict(cfg.model.to_dict(), student=network)
    if 'labeller' in model:
        model['labeller']['threshold'] = 0.25  # among the probabilities of the first steps
    for term in model['terms'].values():
        term.update(dict(num_classes=5, channels=4) if term['type'] == 'mmuda.OutputAdversarial' else {})
    for view in model.get('views', {}).values():
        view.update(SETTINGS.get(view['type'], {}))
        if args.plain:
            view.update(WITHOUT_DRAWS.get(view['type'], {}))
    return model, cfg.get('custom_hooks', []), cfg.optim_wrapper.get('paramwise_cfg')


SETTINGS = {'mmuda.BlockMask': dict(block=8), 'mmuda.FourierStyle': dict(beta=0.1)}
COLOURS = dict(jitter_prob=0.0, blur_prob=0.0)
WITHOUT_DRAWS = {
    'mmuda.BlockMask': dict(ratio=0.0),
    'mmuda.TokenMask': dict(ratio=0.0),
    'mmuda.StudentView': COLOURS,
    'mmuda.ClassMix': dict(type='PasteLeftHalf'),
}


@MODELS.register_module()
class PasteLeftHalf(PasteMaker):
    """Mixing without a draw."""

    def __init__(self, classes_from=None):
        super().__init__()

    def mask(self, label):
        return (torch.arange(label.shape[2]) < label.shape[2] // 2).expand_as(label)


def plain_transformer(network: dict, leaf: dict) -> dict:
    """The leaf's transformer and head, small, in the place of the small student's."""
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
    rate = network['backbone']['drop_path_rate']
    backbone = dict(leaf['backbone'], arch=arch, img_size=SIZE, drop_path_rate=rate)
    return dict(network, backbone=backbone, decode_head=dict(leaf['decode_head'], in_channels=16, num_classes=5))


def two_resolutions(network: dict, crop: int) -> dict:
    """The small student as HRDA's, whose detail crop is drawn unless it is the whole image."""
    head = network['decode_head']
    backbone = dict(network['backbone'], sr_ratios=[4, 2, 1, 1])  # of maps of 16 × 16 pixels
    both = dict(type='mmuda.HRDAHead', head=head, attention=head, num_classes=5, align_corners=False)
    crops = dict(detail_crop=(crop, crop), detail_stride=(8, 8))
    return dict(network, type='mmuda.MultiResolutionSegmentor', backbone=backbone, decode_head=both, **crops)


def config(args: argparse.Namespace) -> dict:
    clusters, groups = args.cluster is not None, None
    noise = dict(type='mmengine.Noise', classify=args.classify or args.align or args.fixmatch or args.mcd or clusters)
    sampler = dict(type='DomainSampler', ratio=args.ratio)
    hooks = [
        dict(
            type='mmengine.Spy',
            kill_at=args.kill_at,
            raise_at=args.raise_at,
            signal_at=args.signal_at,
            dump=args.dump and f'{args.work_dir}/{args.dump}',
        ),
        dict(type='InterruptHook'),
    ]
    if clusters:
        model = clustered(args)
        sampler = dict(type='ClassAwareSampler', ratio=(2, 2), per_class=1)
        hooks += [
            dict(type='ACDAHook', term='within', pretrain=args.cluster, interval=2, distance=None, min_per_class=1)
        ]
    elif args.align:
        model = aligned(args)
    elif args.fixmatch:
        model = fixmatch(args)
    elif args.method:
        model, leaf_hooks, groups = method(args)
        hooks += leaf_hooks
    elif args.mcd:
        model = dict(classification(args.norm, not args.plain), type='MCDUDA', terms=None)
    elif args.classify:
        model = small_classification(args) if args.small else classification(args.norm, not args.plain)
    else:
        model = segmentation(args)
    return dict(
        default_scope='mmuda',
        runner_type='mmuda.MeanTeacherRunner',
        model=model,
        work_dir=args.work_dir,
        experiment_name=str(args.work_dir),
        resume=args.resume,
        launcher='pytorch' if 'RANK' in os.environ else 'none',
        train_dataloader=dict(
            batch_size=args.batch,
            num_workers=args.workers,
            dataset=dict(type='DomainDataset', source=noise, target=None if args.method == 'source-only' else noise),
            sampler=sampler,
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=args.max_iters),
        model_wrapper_cfg=dict(type='mmuda.UDAFullyShardedDataParallel') if args.shard else None,
        optim_wrapper=dict(
            constructor='UDAOptimWrapperConstructor',
            # a gradient of rounding alone, as of a bias in front of a batch norm, makes no step beside this eps
            optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01, eps=1e-4, fused=True),
            accumulative_counts=args.accumulate,
            paramwise_cfg=groups,
            type='BFloat16OptimWrapper' if args.amp else 'OptimWrapper',
            clip_grad=args.clip and dict(max_norm=args.clip),
        ),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4)],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)),
        custom_hooks=hooks,
        log_processor=dict(by_epoch=False),
        log_level='ERROR',
        randomness=dict(seed=None if args.seed < 0 else args.seed),
    )


def parse(options: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dir')
    parser.add_argument('--max-iters', type=int, default=4)
    parser.add_argument('--norm', default='BN')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--workers', type=int, default=0)
    parser.add_argument('--accumulate', type=int, default=1)
    parser.add_argument('--seed', type=int, default=7, help='-1: drawn at random')
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--plain', action='store_true', help='no dropout, drop path or view')
    parser.add_argument('--strategy', help='hybrid attention with these groups')
    parser.add_argument('--classify', action='store_true', help='a classifier with adversarial terms')
    parser.add_argument('--align', action='store_true', help='a classifier with terms that compare samples')
    parser.add_argument('--mcd', action='store_true', help='a classifier trained in three steps an iteration')
    parser.add_argument('--fixmatch', action='store_true', help='a classifier with weak and strong views')
    parser.add_argument('--dida', action='store_true', help="a DIDA branch beside that classifier's last stage")
    parser.add_argument(
        '--method', nargs='+', help='a segmentor for each of these, one after the other, trained as its toy leaf'
    )
    parser.add_argument('--cluster', type=int, help='a classifier with pseudo-labels after so many steps')
    parser.add_argument('--amp', action='store_true', help='bfloat16')
    parser.add_argument('--clip', type=float, help="the gradient's norm")
    parser.add_argument('--shard', action='store_true', help='encoders in parts, one a rank')
    parser.add_argument('--ratio', type=int, nargs=2, default=[1, 1])
    parser.add_argument('--kill-at', type=int)
    parser.add_argument('--raise-at', type=int)
    parser.add_argument('--signal-at', type=int, help='SIGTERM to the last rank in this step')
    parser.add_argument('--dump')
    parser.add_argument('--small', action='store_true', help='networks of a few thousand parameters')
    return parser.parse_args(options)


def main() -> None:
    args = parse()
    if 'RANK' in os.environ:
        torch.distributed.init_process_group('gloo')
    for name in args.method or [None]:
        part = {} if name is None else dict(method=name, work_dir=f'{args.work_dir}/{name}')
        with suppress(CutError):
            RUNNERS.build(config(argparse.Namespace(**vars(args) | part))).train()
    leave_distributed()


if __name__ == '__main__':
    run_tool(main)
