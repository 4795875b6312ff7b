"""Five training steps of the smallest leaf of each method, recorded to the bit: what a change of the step must keep.

    python tests/step_traces.py             records tests/data/step_traces.json anew
    python tests/step_traces.py stct acda   only these

The images are drawn here, so that a trace needs nothing but the repository. It holds the log of each step and, after
the last one, a digest of each part of the state (parameters and buffers of student, teacher and terms). On the
processor and the torch that recorded them, traces are equal to the bit. Elsewhere kernels round otherwise, and sums
are compared with a tolerance; to hold a change of your own to the bit there, record from the commit before it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import nn

from mmuda.apis import load_config
from mmuda.domain import STRONG_VIEW
from mmuda.registry import HOOKS, MODELS

REPO = Path(__file__).resolve().parents[1]
TRACES = REPO / 'tests' / 'data' / 'step_traces.json'
STEPS = 5
IMAGES = 6  # of each domain, of a classifier; a segmentor has two
SCENE = (64, 96)

STCT = 'stct/stct_segformer_toy'
ADVERSARY = dict(type='mmuda.DANN', tap='backbone', in_channels=500, ramp_steps=10)
FEATURE_DISTANCE = dict(type='mmuda.FeatureDistance', classes=[0, 1, 2, 3], loss_weight=0.5)
AUXILIARY_HEAD = dict(
    type='FCNHead', in_channels=80, in_index=2, channels=8, num_convs=1, num_classes=8, norm_cfg=dict(type='BN')
)

CDAN_E = dict(
    _delete_=True,
    cdan_e=dict(
        type='mmuda.CDAN', tap='backbone', in_channels=500, entropy=True, ramp_steps=1.0, entropy_ramp_steps=1.0
    ),
)
VARIABLES = ('norm', 'include_source')
LEAVES = {
    'stct': (STCT, {}),
    'stct_batch-confidence': (
        STCT,
        {
            'model.terms.target.weight.reduction': 'batch',
            'model.labeller': dict(confidence='share', threshold=0.16),
            'model.teacher_norm': 'running',
        },
    ),
    'stct_borders-fixed-weight': (
        STCT,
        {
            'model.terms.target.weight.fixed': 0.7,
            'model.labeller': dict(ignore_top=3, ignore_bottom=9, confidence='image', threshold=0.16),
            'model.views.target.of': 'target',
            'model.student.data_preprocessor': dict(size=(72, 100), size_divisor=None),  # images are padded
        },
    ),
    'stct_auxiliary-head': (STCT, {'model.student.auxiliary_head': AUXILIARY_HEAD}),
    'stct_feature-distance': (
        STCT,
        {'model.terms.feature_distance': FEATURE_DISTANCE, 'model.views': None},
    ),
    'stct-mha': ('stct/stct-mha_segformer_toy', {}),
    'dacs': ('dacs/dacs_segformer_toy', {'model.labeller.threshold': 0.16}),
    'daformer': (
        'daformer/daformer_segformer_toy',
        {
            'model.labeller': dict(threshold=0.16, ignore_top=3, ignore_bottom=9),
            'model.terms.distance': FEATURE_DISTANCE,
        },
    ),
    'hrda': ('hrda/hrda_segformer_toy', {'model.labeller.threshold': 0.16}),
    'mic': ('mic/mic_segformer_toy', {'model.labeller.threshold': 0.16}),
    'fda': ('fda/fda_segformer_toy', {}),
    'minent': ('minent/minent_segformer_toy', {}),
    'advent': ('advent/advent_segformer_toy', {}),
    'adaptsegnet': ('adaptsegnet/adaptsegnet_segformer_toy', {}),
    'combined': ('combined/all_segformer_mit-b0_toy', {}),
    'stct_classification': (
        'dann/dann_lenet_mnist2usps',
        {
            'model.type': 'SelfTrainingUDA',
            'model.terms': dict(
                _delete_=True,
                target=dict(type='mmuda.PseudoLabelLoss', weight=dict(alpha=0.1)),
                dann=dict(ADVERSARY, ramp_steps=4000),
            ),
            'custom_hooks': [dict(type='mmuda.MeanTeacherHook')],
        },
    ),
    'dann': ('dann/dann_lenet_mnist2usps', {}),
    'cdan': ('cdan/cdan_lenet_mnist2usps', {}),
    'cdan-e': ('cdan/cdan_lenet_mnist2usps', {'model.terms': CDAN_E}),
    'mdd': ('mdd/mdd_lenet_mnist2usps', {}),
    'dan': ('dan/dan_lenet_mnist2usps', {}),
    'jan': ('jan/jan_lenet_mnist2usps', {}),
    'mcd': ('mcd/mcd_lenet_mnist2usps', {}),
    'mcd-grl': ('mcd/mcd-grl_lenet_mnist2usps', {}),
    'transnorm': ('cdan/cdan_lenet_mnist2usps', {'norm': 'mmuda.TransNorm', 'model.terms': CDAN_E}),
    'autodial': ('dann/dann_lenet_mnist2usps', {'norm': 'mmuda.AutoDIAL'}),
    'dida': ('dida/dida_cnn2_mnist2usps', {'model.labeller.threshold': 0.12}),
    'dida_sources': (
        'dida/dida_cnn2_mnist-usps2mnistm',
        {'include_source': True, 'model.labeller.threshold': 0.12},
    ),
    'fixmatch': ('dida/fixmatch_lenet_mnist2usps', {'model.labeller.threshold': 0.15}),
    'fixmatch_official': ('dida/fixmatch_lenet_mnist2usps_official', {'model.labeller.threshold': 0.15}),
    'fixmatch_dann': (
        'dida/fixmatch_lenet_mnist2usps',
        {'model.labeller.threshold': 0.15, 'model.terms.dann': ADVERSARY},
    ),
    'fixmatch_running': (
        'dida/fixmatch_lenet_mnist2usps',
        {'model.labeller.weighting': 'confidence', 'model.labeller.norm': 'running', 'model.labeller.threshold': 0.15},
    ),
    'acda': ('acda/acda_lenet_mnist2usps', {}),
    'acda_no-label': ('acda/acda_lenet_mnist2usps', {'model.terms.acda.condition': 'none'}),
}


def machine() -> dict[str, str]:
    """What decides how a sum is rounded."""
    lines = Path('/proc/cpuinfo').read_text().splitlines() if Path('/proc/cpuinfo').is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return dict(
        torch=torch.__version__,
        kernels=torch.backends.cpu.get_cpu_capability(),
        cpu=names[0] if names else platform.processor(),
    )


def trace(name: str) -> dict:
    """The steps and the final state of one trace."""
    model, steps = run(read(*LEAVES[name]))
    return dict(steps=steps, state=digest(model))


def run(cfg: Config, count: int = STEPS, prepare: Callable[[SimpleNamespace], None] | None = None) -> tuple:
    """The model after so many steps, and the log of each; ``prepare`` sees what stands for the runner before them."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model).train()
        model.init_weights()
        model.set_length(cfg.train_cfg.max_iters)
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks', ()) if hook['type'] == 'mmuda.MeanTeacherHook']
    for term in model.terms.values():
        if hasattr(term, 'start_step'):
            term.start_step = 2  # both phases of ACDA
    runner = SimpleNamespace(model=model, optim_wrapper=optim_wrapper, iter=0, max_iters=cfg.train_cfg.max_iters)
    for hook in hooks:
        hook.before_train(runner)
    if prepare is not None:
        prepare(runner)
    steps = []
    for number in range(count):
        data = draw_batch(cfg, number)
        torch.manual_seed(100 + number)
        model.train()
        log = model.train_step(data, optim_wrapper)
        for hook in hooks:
            hook.after_train_iter(runner, number)
        steps.append({key: float(value.detach()) for key, value in log.items()})
    return model, steps


def read(leaf: str, options: dict) -> Config:
    """The leaf with these options, and without weights from files."""
    variables = {key: value for key, value in options.items() if '.' not in key and key in VARIABLES}
    cfg = load_config(REPO / 'configs' / f'{leaf}.py', variables)
    cfg.merge_from_dict({key: value for key, value in options.items() if key not in variables})
    forget_pretrained(cfg.model)
    return cfg


def forget_pretrained(node: dict) -> None:
    if (node.get('init_cfg') or {}).get('type') == 'Pretrained':
        del node['init_cfg']
    for value in node.values():
        if isinstance(value, dict):
            forget_pretrained(value)


def draw_batch(cfg: Config, number: int) -> dict:
    """The batch of a step, as a data loader yields it: ``[source | target]``."""
    generator = torch.Generator().manual_seed(number)
    draw = draw_scene if cfg.model.task == 'segmentation' else draw_digit
    count = 2 if cfg.model.task == 'segmentation' else IMAGES
    pairs = [draw(cfg, domain, i, generator) for domain in ('source', 'target') for i in range(count)]
    inputs, samples = zip(*pairs)
    return dict(inputs=list(inputs), data_samples=list(samples))


def draw_scene(cfg: Config, domain: str, number: int, generator: torch.Generator) -> tuple:
    """Blocks of eight classes, each with its colour, in noise; a target image has no labels."""
    from mmseg.structures import SegDataSample

    label = torch.randint(0, 8, (1, 2, 3), generator=generator).repeat_interleave(32, 1).repeat_interleave(32, 2)
    image = 25 * label + torch.randint(0, 60, (3, *SCENE), generator=generator)
    sample = SegDataSample(metainfo=dict(domain=domain, img_path=f'{number}.png', img_shape=SCENE, ori_shape=SCENE))
    sample.gt_sem_seg = PixelData(data=label if domain == 'source' else torch.full_like(label, 255))
    return image.to(torch.uint8), sample


def draw_digit(cfg: Config, domain: str, number: int, generator: torch.Generator) -> tuple:
    """Noise whose brightness is the class, with a strong view, a cluster and one of two sources."""
    from mmpretrain.structures import DataSample

    shape = (len(cfg.model.student.data_preprocessor.mean), 28, 28)
    several = isinstance(cfg.train_dataloader.dataset.source, list)
    known = dict(source_index=number % 2) if domain == 'source' and several else {}
    if domain == 'target' and any(hook['type'] == 'mmuda.ACDAHook' for hook in cfg.get('custom_hooks', ())):
        known = dict(pseudo_label=number % 2)
    sample = DataSample(metainfo=dict(domain=domain, img_path=f'{number}.png', **known))
    label = number % 2 if domain == 'source' else -100
    sample.set_gt_label(label)
    views = [(40 * (number % 2) + torch.randint(0, 90, shape, generator=generator)).to(torch.uint8) for _ in range(2)]
    sample.set_field(views[1], STRONG_VIEW)
    return views[0], sample


def digest(model: nn.Module) -> dict[str, dict]:
    """Size, sum and hash of each part of the state; hashes see every bit, sums can be compared across machines."""
    parts: dict[str, list] = {}
    for kind, tensors in (('parameters', model.named_parameters()), ('buffers', model.named_buffers())):
        for name, tensor in tensors:
            parts.setdefault(f'{name.partition(".")[0]} {kind}', []).append((name, tensor.detach()))
    return {part: _digest(tensors) for part, tensors in parts.items()}


def _digest(tensors: list) -> dict:
    tensors = sorted(tensors, key=lambda pair: pair[0])
    found = hashlib.sha256()
    for _, tensor in tensors:
        found.update(tensor.contiguous().numpy().tobytes())
    return dict(
        count=sum(tensor.numel() for _, tensor in tensors),
        sum=sum(float(tensor.double().abs().sum()) for _, tensor in tensors),
        sha256=found.hexdigest()[:16],
    )


def main() -> None:
    """Record the traces that are named, or all."""
    torch.set_num_threads(1)
    found = json.loads(TRACES.read_text())
    names = sys.argv[1:] or list(LEAVES)
    if found['machine'] != machine() and set(names) < found['traces'].keys():
        raise SystemExit(
            f'The traces are those of {found["machine"]}, and this is another machine: record all of them.'
        )
    recorded = {name: trace(name) for name in names}
    found = dict(found, machine=machine(), traces={**found['traces'], **recorded})
    TRACES.write_text(json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
    main()
