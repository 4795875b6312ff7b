"""Every key has a reader and a value of its kind; what is misspelt is named by its path."""

import importlib
from pathlib import Path

import pytest
from mmengine.config import Config

from mmuda.apis import UserError, load_config
from mmuda.apis.options import merge_options
from mmuda.apis.preflight import check_config
from mmuda.apis.settings import check_settings


@pytest.fixture(scope='module')
def leaf(repo):
    """A whole config."""
    return load_config(repo / 'configs/stct/stct_segformer_toy.py').to_dict()


@pytest.fixture
def cfg(leaf):
    """A copy of it to spoil, with some parts that it lacks."""
    cfg = Config(Config(leaf).to_dict())
    cfg.train_dataloader.dataset.source.metainfo = dict(classes=['a', 'b'], palette=[[0, 0, 0], [1, 1, 1]])
    cfg.optim_wrapper.clip_grad = dict(max_norm=1.0)
    cfg.param_scheduler = [dict(type='LinearLR', by_epoch=False, end=5), dict(type='PolyLR', by_epoch=False)]
    cfg.custom_hooks.append(dict(type='EarlyStoppingHook', monitor='mIoU'))
    return cfg


def test_a_whole_config_passes(cfg):
    for mode in ('train', 'test', 'infer'):
        check_config(cfg, mode)


MISSPELT = [
    'randomness.sed',
    'env_cfg.cudnn_benchmrk',
    'env_cfg.mp_cfg.start_method',
    'env_cfg.dist_cfg.timout',
    'auto_scale_lr.base_batchsize',
    'compile.bakend',
    'log_processor.windowsize',
    'visualizer.vis_backend',
    'visualizer.vis_backends.0.save_dirr',
    'train_cfg.max_iter',
    'val_cfg.fp_16',
    'optim_wrapper.acumulative_counts',
    'optim_wrapper.clip_grad.maxnorm',
    'optim_wrapper.optimizer.learning_rate',
    'optim_wrapper.paramwise_cfg.custom_kesy',
    'optim_wrapper.paramwise_cfg.custom_keys.norm.decay_mul',
    'param_scheduler.0.start_facto',
    'default_hooks.logger.intervall',
    'default_hooks.checkpoint.max_keep_ckpt',
    'custom_hooks.0.momentm',
    'custom_hooks.1.monitr',
    'train_dataloader.batchsize',
    'train_dataloader.sampler.ration',
    'train_dataloader.dataset.rare_class_retry',
    'train_dataloader.dataset.source.data_prefix.img_pth',
    'train_dataloader.dataset.source.metainfo.clases',
    'train_dataloader.dataset.target.img_sufix',
    'train_dataloader.dataset.source.pipeline.3.crop_sizee',
    'val_dataloader.sampler.shufle',
    'val_dataloader.dataset.pipeline.1.ignore_lable',
    'val_evaluator.iou_metric',
    'test_dataloader.dataset.data_prefix.seg_map_pth',
    'test_evaluator.per_clas',
    'model.terns',
    'model.terms.target.weight.alfa',
    'model.views.target.blur_probability',
    'model.student.backbone.embed_dim',
    'model.student.decode_head.num_clases',
    'model.student.decode_head.loss_decode.loss_weigth',
    'model.student.data_preprocessor.seg_pad_value',
    'model.student.test_cfg.crop_sizee',
]


@pytest.mark.parametrize('key', MISSPELT)
def test_a_misspelt_key_is_named_by_its_path(cfg, key):
    cfg.auto_scale_lr = dict(enable=False, base_batch_size=8)
    merge_options(cfg, {key: 1})
    with pytest.raises(UserError) as info:
        check_config(cfg, 'train')
    text = str(info.value)
    assert text.startswith('unknown config key')
    assert key.split('.')[-1] in text
    assert key.split('.')[0] in text


@pytest.mark.parametrize(
    'key, value, reason',
    [
        ('resume', 'yes', r"^resume='yes' is text: give a number, or true or false"),
        ('randomness.deterministic', 'no', "randomness.deterministic='no' is text"),
        ('train_dataloader.num_workers', 'all', "train_dataloader.num_workers='all' is text"),
        ('param_scheduler.1.power', 'two', "param_scheduler.1.power='two' is text"),
        ('model.terms.target.weight.alpha', 'small', "model.terms.target.weight.alpha='small' is text"),
        ('train_dataloader.sampler.min_pixels', 'few', "min_pixels='few' is text"),
        ('log_level', 'LOUD', "log_level='LOUD' is no level of logging: use DEBUG"),
        ('env_cfg', [1], r'env_cfg=\[1\] is no dict'),
        ('compile', 'inductor', r"compile='inductor' is no dict: write compile=dict"),
        ('compile', ['inductor'], r"compile=\['inductor'\] is no dict"),
        ('optim_wrapper.paramwise_cfg', 3, 'optim_wrapper.paramwise_cfg=3 is no dict'),
        ('default_hooks.chekpoint', dict(interval=5), "default_hooks.chekpoint has no type: .*spelling of 'chekpoint'"),
        ('custom_hooks', [dict(momentum=0.1)], 'custom_hooks.0 has no type: name the hook'),
        (
            'custom_hooks.0.priority',
            'URGENT',
            "priority='URGENT' is no priority: use a number from 0 to 100, or HIGHEST",
        ),
        ('train_cfg.max_iters', 0, 'train_cfg.max_iters=0 is too small: give 1 or more'),
        ('train_cfg.val_interval', -1, 'train_cfg.val_interval=-1 is too small'),
        ('train_dataloader.batch_size', 0, 'train_dataloader.batch_size=0 is too small'),
        ('train_dataloader.num_workers', -1, 'train_dataloader.num_workers=-1 is too small: give 0 or more'),
        ('default_hooks.logger.interval', 0, 'default_hooks.logger.interval=0 is too small'),
        ('default_hooks.checkpoint.max_keep_ckpts', 0, 'max_keep_ckpts=0 is too small'),
        ('optim_wrapper.optimizer.lr', -0.1, 'optim_wrapper.optimizer.lr=-0.1 is too small'),
        ('randomness.seed', -1, 'randomness.seed=-1 is too small'),
        (
            'model.student.test_cfg.mode',
            'slid',
            "model.student.test_cfg.mode='slid' is unknown: use 'whole' or 'slide'",
        ),
        ('model.student.test_cfg.mode', 'slide', "has mode='slide', but no crop_size and no stride"),
        ('train_dataloader.dataset.source.metainfo.palette', [[0, 0, 0]], '2 classes, but 1 colours in its palette'),
        ('train_dataloader.dataset.source.metainfo.palette', [[0, 0], [1, 1]], r'has \[0, 0\] in its palette'),
        ('train_cfg', None, 'the config has no train_cfg, which tools/train.py needs'),
    ],
)
def test_a_value_that_means_nothing_is_one_sentence(cfg, key, value, reason):
    *parents, last = key.split('.')
    node = cfg
    for part in parents:
        node = node[int(part) if part.isdecimal() else part]
    node[last] = value
    with pytest.raises(ValueError if 'palette' in reason else UserError, match=reason):
        check_config(cfg, 'train')


def test_minus_one_switches_off_where_it_means_that(cfg):
    cfg.default_hooks.checkpoint.update(interval=-1, max_keep_ckpts=-1)
    check_config(cfg, 'train')


def test_transforms_of_another_library_are_its_own(cfg):
    """mmseg hands them to albumentations, which is not installed here."""
    steps = cfg.train_dataloader.dataset.source.pipeline
    steps.insert(2, dict(type='mmseg.Albu', transforms=[dict(type='RandomBrightnessContrast', p=0.2)]))
    check_settings(cfg)
    steps[2].update(transfroms=[])
    with pytest.raises(UserError, match='transfroms'):
        check_settings(cfg)


@pytest.mark.slow
@pytest.mark.parametrize('host', ['mmseg', 'mmpretrain'])
def test_stock_configs_pass(host):
    """No key of a host's own configs is refused, but those of heads that need yet another library."""
    folder = Path(pytest.importorskip(host).__file__).parent / '.mim' / 'configs'
    data = importlib.import_module(f'{host}.registry').DATASETS
    for path in sorted(folder.glob('[!_]*/*.py')):
        try:
            cfg = Config.fromfile(path)
        except Exception:  # asks for a library that is not here
            continue
        if path.parent.name in ('maskformer', 'mask2former', 'twins'):
            continue  # without mmdet, mmseg has an empty class in the place of the head; and a misspelt `_delete_`
        loaders = [cfg.get(f'{part}_dataloader') for part in ('train', 'val', 'test')]
        if any(data.get(loader.dataset.type) is None for loader in loaders if loader):
            continue  # data sets that are there beside pycocotools
        check_settings(cfg)
