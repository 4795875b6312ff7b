"""The mistakes that `wrong_commands.py` makes: generated from two leaves, and written down tool by tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SMALL = """
train_dataloader = dict(batch_size=BATCH, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
"""
SCHEDULE = "param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False, end=100)]\n"


def _leaf(base: str, batch: int, schedule: str = SCHEDULE) -> str:
    return f"_base_ = '{{repo}}/configs/{base}'\n" + SMALL.replace('BATCH', str(batch)) + schedule


LEAVES = dict(
    stct=_leaf('stct/stct_segformer_toy.py', 2),
    source=_leaf('source_only/source-only_segformer_toy.py', 1),
    dann=_leaf('dann/dann_lenet_mnist2usps.py', 4, ''),
)
PAIR = "pair = '{{$MMUDA_PAIR:a-b}}'\nsource, target = pair.split('-')\nmodel = dict(type=source, a=target)\n"
FILES = {
    'empty.py': '',
    'syntax.py': 'model = dict(',
    'name.py': 'model = undefined_name',
    'gone_base.py': "_base_ = './gone_base_file.py'",
    'typo.py': LEAVES['stct'] + 'optim_wraper = dict()\n',
    'pair.py': PAIR,
    'data.yaml': "model: !!python/object/apply:os.mkdir ['{root}/executed']",
    'data.json': '{}',
    'empty.pth': '',
    'text.pth': 'no checkpoint at all',
    'photo.png': 'no picture at all',
    'noise.mp4': 'no video at all',
    'classes.pkl': 'x',
    'twice.json': '{"classes": ["a"], "classes": ["b"]}',
    'code.yaml': "classes: !!python/object/apply:os.mkdir ['{root}/executed']",
}


@dataclass(frozen=True)
class Mistake:
    """A wrong command.

    Args:
        kind: which sort of mistake.
        tool: below `tools/`.
        words: of the command line; `{stct.py}` and its like are files of the workshop.
        names: what the sentence must name.
        environment: variables that are set.
    """

    kind: str
    tool: str
    words: tuple[str, ...]
    names: str
    environment: Mapping[str, str] = field(default_factory=dict)


def all_mistakes(configs: Mapping[str, dict]) -> list[Mistake]:
    """Every mistake; `configs` are leaves that have been read, by name."""
    generated = [case for name, cfg in configs.items() for case in _generated(name, cfg)]
    return generated + list(_written())


def _generated(name: str, cfg: dict) -> Iterator[Mistake]:
    """Every few settings of a leaf: its key misspelt, text for a number, an unknown type."""
    settings = [(path, value) for path, value in _settings(cfg, '') if '.custom_keys' not in path]
    numbers = [path for path, value in settings if isinstance(value, (int, float)) and not isinstance(value, bool)]
    types = [path for path, _ in settings if path.endswith('.type')]
    keys = [path for path, _ in settings if not path.endswith('.type') and not path.rpartition('.')[2].isdecimal()]
    for path in keys[::3]:
        misspelt = _misspelt(path)
        yield _option('a misspelt key', name, f'{misspelt}=1', misspelt.rpartition('.')[2])
    for path in numbers[::4]:
        yield _option('text for a number', name, f'{path}=4k', '4k')
    for path in types[::3]:
        yield _option('an unknown type', name, f'{path}=NoSuchThing', 'NoSuchThing')


def _settings(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Dotted paths of all single values."""
    entries = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in entries:
        if not isinstance(value, (Mapping, list, tuple)):
            yield f'{path}{key}', value
        yield from _settings(value, f'{path}{key}.')


def _misspelt(path: str) -> str:
    """The last key with its last two letters exchanged, or without its last where these are equal."""
    if path[-1] == path[-2] or not path[-2].isalpha():
        return path[:-1]
    return path[:-2] + path[-1] + path[-2]


def _option(kind: str, leaf: str, option: str, names: str, tool: str = 'train.py') -> Mistake:
    return Mistake(kind, tool, (f'{{{leaf}.py}}', '--work-dir', 'w', '--cfg-options', option), names)


def _written() -> Iterator[Mistake]:
    for option, names in OPTIONS:
        yield _option('--cfg-options', 'stct', option, names)
    for option, names in VALUES:
        yield _option('a value', 'stct', option, names)
    for option, names in CLASSIFIER_VALUES:
        yield _option('a value', 'dann', option, names)
    for words, names in TRAIN:
        yield Mistake('train.py', 'train.py', tuple(words.split()), names)
    for words, names in TEST:
        yield Mistake('test.py', 'test.py', (*words.split(), '--work-dir', 'w'), names)
    for words, names in INFER:
        yield Mistake('infer.py', 'infer.py', tuple(words.split()), names)
    for tool, words, names in OTHERS:
        yield Mistake('other tools', tool, tuple(words.split()), names)
    for words, environment, names in ENVIRONMENT:
        yield Mistake('the environment', 'train.py', tuple(words.split()), names, environment)


OPTIONS = [
    ('lr', 'lr'),
    ('=3', '=3'),
    ('model=3', 'model'),
    ('model=dict(', 'dict('),
    ("model=dict(type='UDAModel')", 'dict('),
    ('model.student.decode_head={num_classes: 3}', 'model.student.decode_head'),
    ('train_dataloader.sampler.ratio=(1,1', '(1,1'),
    ('train_dataloader.sampler.ratio=[1,1)', '[1,1)'),
    ('optim_wrapper.optimizer.lr=fast', 'fast'),
    ('train_cfg.max_iters=4k', '4k'),
    ('randomness.seed=abc', 'abc'),
    ('resume=yes', 'yes'),
    ('optim_wraper.optimizer.lr=1', 'optim_wraper'),
    ('param_scheduler.7.end=1', '7'),
    ('param_scheduler=PolyLR', 'PolyLR'),
    ('model.type.x=1', 'model.type'),
    ('crop_size=(8,8)', 'crop_size'),
    ('optim_wrapper.optimizer.lr =1', 'lr '),
]
VALUES = [
    ('train_cfg.max_iters=0', 'max_iters=0'),
    ('train_cfg.val_interval=-1', 'val_interval=-1'),
    ('train_dataloader.batch_size=0', 'batch_size=0'),
    ('train_dataloader.batch_size=1', '1'),
    ('train_dataloader.num_workers=-1', 'num_workers=-1'),
    ('train_dataloader.sampler.ratio=(0,1)', '(0, 1)'),
    ('train_dataloader.sampler.ratio=(1,1,1)', '(1, 1, 1)'),
    ('train_dataloader.sampler.temperature=0', 'temperature=0'),
    ('train_dataloader.sampler.temperature=-1', 'temperature=-1'),
    ('train_dataloader.sampler.min_pixels=-1', 'min_pixels=-1'),
    ('train_dataloader.dataset.rare_class_retries=-1', 'rare_class_retries=-1'),
    ('train_dataloader.dataset.source.data_prefix.img_pth=x', 'img_pth'),
    ('train_dataloader.dataset.source.data_prefix.img_path=gone', 'gone'),
    ('train_dataloader.dataset.source.data_root=/gone', '/gone'),
    ('train_dataloader.dataset.source.metainfo.classes=[rode]', 'rode'),
    ('train_dataloader.dataset.source.metainfo.palette=[[0,0]]', '[0, 0]'),
    ('train_dataloader.dataset.source.class_map={code.yaml}', 'code.yaml'),
    ('train_dataloader.dataset.source.class_map={twice.json}', 'twice.json'),
    ('train_dataloader.dataset.source.class_map={classes.pkl}', 'classes.pkl'),
    ('train_dataloader.dataset.source.class_map={root}', '{root}'),
    ('train_dataloader.dataset.source.ann_file=gone.txt', 'gone.txt'),
    ('optim_wrapper.optimizer.lr=-1', 'lr=-1'),
    ('optim_wrapper.optimizer.betas=[0.9,2]', '2'),
    ('optim_wrapper.type=AdamW', 'AdamW'),
    ('optim_wrapper.accumulative_counts=0', 'accumulative_counts=0'),
    ('optim_wrapper.paramwise_cfg.custom_kesy=3', 'custom_kesy'),
    ('env_cfg.cudnn_benchmrk=true', 'cudnn_benchmrk'),
    ('log_level=LOUD', 'LOUD'),
    ('default_scope=mmudaa', 'mmudaa'),
    ('default_hooks.logger.interval=0', 'interval=0'),
    ('default_hooks.checkpoint.max_keep_ckpts=0', 'max_keep_ckpts=0'),
    ('default_hooks.checkpoint.save_best=mIuo', 'mIuo'),
    ('default_hooks.checkpoint.save_best=mDice', 'mDice'),
    ('default_hooks.chekpoint.interval=1', 'chekpoint'),
    ('custom_hooks.0.momentum=2', 'momentum=2'),
    ('custom_hooks.0.priority=URGENT', 'URGENT'),
    ('val_evaluator.iou_metrics=[mIuo]', 'mIuo'),
    ('val_evaluator.report_classes.few=[rode]', 'rode'),
    ('val_dataloader.dataset.data_prefix.seg_map_path=gone', 'gone'),
    ('val_dataloader.dataset.pipeline.1.type=mmuda.LoadImage', 'val_dataloader'),
    ('model.student.test_cfg.mode=slid', 'slid'),
    ('model.student.test_cfg.mode=slide', 'slide'),
    ('model.student.test_cfg.crop_sizee=(8,8)', 'crop_sizee'),
    ('model.student.decode_head.num_classes=5', 'num_classes=5'),
    ('model.student.backbone.init_cfg.checkpoint={empty.pth}', 'empty.pth'),
    ('model.terms.target.weight.alpha=-1', 'alpha=-1'),
    ('model.terms.target.weight.reduction=sum', 'sum'),
    ('model.task=detection', 'detection'),
    ('model.teacher_norm=none', 'none'),
    ('model.views.target.of=nowhere', 'nowhere'),
    ('param_scheduler.0.begin=5', '5'),
    ('runner_type=mmuda.Runer', 'Runer'),
    ('load_from={stct.py}', 'stct.py'),
    ('load_from={root}', '{root}'),
]
CLASSIFIER_VALUES = [
    ('train_dataloader.sampler.epoch=some', 'some'),
    ('train_dataloader.dataset.source.ann_file=gone.npz', 'gone.npz'),
    ('train_dataloader.dataset.source.image_key=z', 'z'),
    ('train_dataloader.dataset.source.span=(5,3)', '(5, 3)'),
    ('train_dataloader.dataset.source.sample=0', 'sample=0'),
    ('train_dataloader.dataset.source.channels=2', 'channels=2'),
    ('train_dataloader.batch_size=200', '200'),
    ('model.terms.dann.tap=bakbone', 'bakbone'),
    ('model.terms.dann.in_channels=3', '3'),
    ('model.terms.dann.loss_weight=-1', '-1'),
    ('model.terms.dann.ramp_steps=0', 'ramp_steps=0'),
    ('model.terms.dann.ramp_steps=100.5', 'ramp_steps=100.5'),
    ('default_hooks.checkpoint.interval=2.5', 'CheckpointHook.interval=2.5'),
    ('param_scheduler.0.alpha=-1', 'alpha=-1'),
    ('default_hooks.checkpoint.save_best=acuracy', 'acuracy'),
]
TRAIN = [
    ('', 'config'),
    ('gone.py', 'gone.py'),
    ('{root}', '{root}'),
    ('{empty.py}', 'model'),
    ('{syntax.py}', 'syntax.py'),
    ('{name.py}', 'undefined_name'),
    ('{gone_base.py}', 'gone_base_file.py'),
    ('{typo.py}', 'optim_wraper'),
    ('{data.yaml}', 'data.yaml'),
    ('{data.json}', 'data.json'),
    ('{repo}/configs/_base_/models/segformer_mit-b0.py', 'train_dataloader'),
    ('{stct.py} --work-dir {stct.py}/run', 'stct.py'),
    ('{stct.py} --work-dir w --resume gone.pth', 'gone.pth'),
    ('{stct.py} --work-dir w --resume {empty.pth}', 'empty.pth'),
    ('{stct.py} --work-dir w --resume {text.pth}', 'text.pth'),
    ('{stct.py} --work-dir w --resume {truncated.pth}', 'truncated.pth'),
    ('{stct.py} --work-dir w --resume {foreign.pth}', 'foreign.pth'),
    ('{stct.py} --work-dir w --resume {root}', '{root}'),
    ('{stct.py} --work-dir w --auto-scale', '--auto-scale'),
    ('{stct.py} --work-dir w --launcher torch', 'torch'),
    ('{stct.py} --work-dir w --launcher pytorch', 'pytorch'),
    ('{stct.py} --work-dir w --cfg-options', '--cfg-options'),
    ('{stct.py} --work-dir w --cfg-options train_cfg.max_iters = 3', 'train_cfg.max_iters'),
    ('{stct.py} extra --work-dir w', 'extra'),
]
TEST = [
    ('{stct.py}', 'checkpoint'),
    ('{stct.py} gone.pth', 'gone.pth'),
    ('{stct.py} {root}', '{root}'),
    ('{stct.py} {empty.pth}', 'empty.pth'),
    ('{stct.py} {list.pth}', 'list.pth'),
    ('{stct.py} {truncated.pth}', 'truncated.pth'),
    ('{source.py} {stct.pth}', 'stct.pth'),
    ('{source.py} {source.pth} --predict-on teacher', 'teacher'),
    ('{stct.py} {stct.pth} --predict-on both', 'both'),
    ('{stct.py} {stct.pth} --ensemble', '--ensemble'),
    ('{stct.py} {stct.pth} --ensemble gone.pth', 'gone.pth'),
    ('{stct.py} {stct.pth} --ensemble {dann.pth}', 'dann.pth'),
    ('{dann.py} {dann.pth} --tta', 'tta_pipeline'),
    ('{stct.py} {stct.pth} --tta --cfg-options tta_views.scales=0', 'tta_views'),
    ('{stct.py} {stct.pth} --out {stct.py}/labels', '--out'),
    ('{stct.py} {stct.pth} --show-dir {stct.py}/pictures', '--show-dir'),
    ('{dann.py} {dann.pth} --show-dir pictures', '--show-dir'),
    ('{stct.py} {stct.pth} --out both --show-dir both', '--show-dir'),
    ('{stct.py} {stct.pth} --out {data}/toy_streets/dusk/labels/val', 'labels/val'),
    ('{stct.py} {stct.pth} --show-dir {data}/toy_streets/dusk/images', 'dusk/images'),
    ('{stct.py} {stct.pth} --cfg-options test_evaluator.iou_metrics=[mIuo]', 'mIuo'),
    ('{stct.py} {stct.pth} --cfg-options test_dataloader.dataset.data_root=/gone', '/gone'),
    ('{stct.py} {stct.pth} --cfg-options model.student.test_cfg.mode=slid', 'slid'),
]
INFER = [
    ('{stct.py} {stct.pth} {photo.png} --batch-size 0', '--batch-size'),
    ('{stct.py} {stct.pth} {photo.png} --shares xml', 'xml'),
    ('{stct.py} {stct.pth} {noise.mp4} --shares csv', '--shares'),
    ('{dann.py} {dann.pth} {photo.png} --shares csv', 'shares'),
    ('{dann.py} {dann.pth} {photo.png} --tta', 'tta_pipeline'),
    ('{stct.py} {stct.pth}', 'images'),
    ('{stct.py} {stct.pth} gone.png', 'gone.png'),
    ('{stct.py} {stct.pth} {root}/empty', '{root}/empty'),
    ('{stct.py} {stct.pth} {photo.png}', 'photo.png'),
    ('{stct.py} gone.pth {photo.png}', 'gone.pth'),
    ('{gone.py} {stct.pth} {photo.png}', 'gone.py'),
    ('{stct.py} {stct.pth} {photo.png} --opacity 2', '--opacity'),
    ('{stct.py} {stct.pth} {photo.png} --device gpu0', 'gpu0'),
    ('{stct.py} {stct.pth} {photo.png} --drop 1', '--drop'),
    ('{stct.py} {stct.pth} {photo.png} --keep-above 0.9', '--keep-above'),
    ('{dann.py} {dann.pth} {photo.png} --drop 0.5', '--drop'),
    ('{stct.py} {stct.pth} {photo.png} --ensemble {source.pth} {truncated.pth}', 'truncated.pth'),
    ('{stct.py} {stct.pth} {photo.png} --out {stct.py}/x', '--out'),
    ('{stct.py} {stct.pth} {photo.png} --out {data}/toy_streets/dusk', 'dusk/labels'),
    ('{stct.py} {stct.pth} {root}/gone_*.png', 'gone_*.png'),
    ('{stct.py} {stct.pth} {root}/gone.png --drop 0.5', 'gone.png'),
    ('{stct.py} {stct.pth} gone.mp4', 'gone.mp4'),
    ('{stct.py} {stct.pth} {noise.mp4}', 'noise.mp4'),
    ('{stct.py} {stct.pth} {noise.mp4} --confidence', '--confidence'),
    ('{dann.py} {dann.pth} {photo.png} --confidence', 'confidence'),
]
OTHERS = [
    ('export.py', '{stct.py} {stct.pth}', 'out'),
    ('export.py', '{stct.py} {stct.pth} out.pb', 'out.pb'),
    ('export.py', '{stct.py} gone.pth out.pt', 'gone.pth'),
    ('export.py', '{stct.py} {stct.pth} {stct.py}/out.pt', 'stct.py'),
    ('export.py', '{stct.py} {stct.pth} out.pt --images gone.png', 'gone.png'),
    ('export.py', '{stct.py} {stct.pth} out.pt --size 0 5', '--size'),
    ('export.py', '{dann.py} {dann.pth} out.pt --size 28 28', '--size'),
    ('export.py', '{source.py} {source.pth} out.pt --predict-on teacher', 'teacher'),
    ('demo.py', '--iters 0', '--iters'),
    ('demo.py', '--work-dir {stct.py}/x', 'stct.py'),
    ('select_checkpoint.py', '', 'WORK_DIR'),
    ('select_checkpoint.py', 'gone', 'gone'),
    ('select_checkpoint.py', '{stct.py}', 'stct.py'),
    ('select_checkpoint.py', '{root}/empty', '{root}/empty'),
    ('select_checkpoint.py', '{root}/empty --images 0', '--images'),
    ('select_checkpoint.py', '{root}/empty --by mIoU', '--by'),
    ('report.py', '', 'WORK_DIR'),
    ('report.py', 'gone', 'gone'),
    ('report.py', 'STCT={root}/empty', '{root}/empty'),
    ('report.py', '{root}/empty --images -1', '--images'),
    ('report.py', '{root}/empty --out {root}', '--out'),
    ('dataset_doctor.py', 'gone.py', 'gone.py'),
    ('dataset_doctor.py', '{stct.py} --nproc 0', '--nproc'),
    ('dataset_converters/gta.py', '', '--src'),
    ('dataset_converters/gta.py', '--src gone', 'gone'),
    ('dataset_converters/gta.py', '--src {root}/empty', '{root}/empty'),
    ('dataset_converters/synthia.py', '--src gone', 'gone'),
    ('dataset_converters/cityscapes.py', '--src gone --nproc 0', '--nproc'),
    ('dataset_converters/camvid.py', '--src {text.pth}', 'text.pth'),
    ('dataset_converters/digits.py', '--src gone', 'gone'),
    ('dataset_converters/toy_streets.py', '--out out --train 0', '--train'),
    ('dataset_converters/toy_streets.py', '--out {stct.py}/x', '--out'),
    ('dataset_converters/toy_streets.py', '--out out --size 8 8', '8'),
    ('model_converters/mit2mmseg.py', 'gone.pth out.pth', 'gone.pth'),
    ('model_converters/mit2mmseg.py', '{text.pth} out.pth', 'text.pth'),
    ('model_converters/mit2mmseg.py', '{foreign.pth} out.pth', 'foreign.pth'),
    ('model_converters/mit2mmseg.py', '{foreign.pth} {root}', '{root}'),
    ('model_converters/caffe2mmuda.py', '{foreign.pth} out.pth', 'foreign.pth'),
    ('model_converters/torchvision2mmseg.py', '{foreign.pth} {foreign.pth}', 'foreign.pth'),
    ('model_converters/torchvision2mmpretrain.py', '{list.pth} out.pth', 'list.pth'),
    ('model_converters/anchor_norms.py', '{dann.py} out.pth --samples 0', '--samples'),
    ('analysis_tools/extract_network.py', '{source.pth} out.pth', 'source.pth'),
    ('analysis_tools/extract_network.py', '{stct.pth} {stct.pth}', 'stct.pth'),
    ('analysis_tools/get_flops.py', 'gone.py', 'gone.py'),
    ('analysis_tools/get_flops.py', '{stct.py} --shape 0 5', '--shape'),
    ('analysis_tools/summarize_runs.py', 'a=gone_*', 'gone_*'),
    ('analysis_tools/plot_curves.py', 'a=gone_* --out p.png', 'gone_*'),
    ('analysis_tools/plot_curves.py', 'a={root} --out p.txt', 'p.txt'),
    ('analysis_tools/plot_curves.py', 'a={root} --out p.png --reach x=y', 'x=y'),
    ('analysis_tools/plot_cross_layer.py', 'a={root} --out p.png --maps 0', '--maps'),
    ('analysis_tools/plot_hybrid_attention.py', '{stct.py} --out p.png', 'stct.py'),
    ('analysis_tools/plot_hybrid_attention.py', '{stct.py} --out p.png --batch 2', 'stct.py'),
    ('analysis_tools/a_distance.py', '{dann.py} {dann.pth} --folds 1', '--folds'),
    ('analysis_tools/a_distance.py', '{stct.py} {stct.pth}', 'stct.py'),
    ('analysis_tools/plot_tsne.py', '{dann.py} gone.pth --out p.png', 'gone.pth'),
    ('analysis_tools/joint_hypothesis.py', '{dann.py} gone.pth', 'gone.pth'),
    ('analysis_tools/rank_channels.py', '{dann.py} {dann.pth} --out p.png --layer bn9', 'bn9'),
    ('benchmark/step.py', 'gone.py', 'gone.py'),
    ('benchmark/norms.py', '--iters 0', '--iters'),
]
ENVIRONMENT = [
    ('{stct.py} --work-dir w', dict(MMUDA_DATA=''), 'MMUDA_DATA'),
    ('{stct.py} --work-dir w', dict(MMUDA_DATA='/gone'), '/gone'),
    ('{stct.py} --work-dir w', dict(MMUDA_DATA="it's"), 'MMUDA_DATA'),
    ('{pair.py} --work-dir w', dict(MMUDA_PAIR='amazon'), 'MMUDA_PAIR'),
    ('{pair.py} --work-dir w', dict(MMUDA_PAIR='a-b-c'), 'MMUDA_PAIR'),
    ('{pair.py} --work-dir w', dict(MMUDA_PAIR=''), 'MMUDA_PAIR'),
]
