"""Each quirk: broken without the repair, whole with it, and untouched where upstream works."""

import importlib.util
import os
import pkgutil
import subprocess
import sys
import types
import warnings
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from pickle import UnpicklingError
from textwrap import dedent

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner, load_checkpoint
from packaging.version import Version
from torch import nn
from torch.utils.data import DataLoader

from mmuda import compat
from mmuda.compat import checkpoints, imports, versions

lite = pytest.mark.skipif(importlib.util.find_spec('mmcv._ext') is not None, reason='this mmcv has compiled ops')


def run(code: str, **env: str) -> str:
    """What a fresh interpreter prints; its warnings and errors count as failures."""
    done = subprocess.run(
        [sys.executable, '-c', dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    return done.stdout


# mmcv without compiled ops


@lite
def test_mmseg_imports_and_leaves_no_placeholder():
    out = run("""
        import sys
        from mmuda import compat
        compat.apply()
        print([name for name in sys.modules if name in ('mmcv', 'mmseg', 'mmpretrain')])
        import mmseg.models, mmseg.apis, mmseg.datasets
        print('mmcv.ops' in sys.modules, hasattr(sys.modules['mmcv'], 'ops'))
        try:
            import mmcv.ops
        except ModuleNotFoundError as error:
            print(error)
        from mmseg.models.decode_heads import FCNHead, san_head
        loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
        FCNHead(in_channels=8, channels=8, num_classes=3, loss_decode=loss)
        try:
            san_head.point_sample(1, 2)
        except RuntimeError as error:
            print(error)
    """).splitlines()
    assert out[:2] == ['[]', 'False False']
    assert out[2] == "No module named 'mmcv._ext'"
    assert out[3].startswith('mmcv.ops.point_sample needs the compiled mmcv')


@lite
def test_placeholder_is_removed_when_the_import_fails():
    def load(module):
        from mmcv.ops import anything

        with pytest.raises(RuntimeError, match=r'mmcv\.ops\.anything needs the compiled mmcv'):
            anything()
        raise ImportError('something else is broken')

    with pytest.raises(ImportError, match='something else'):
        imports.without_compiled_ops(load, types.ModuleType('host'))
    assert 'mmcv.ops' not in sys.modules


def test_compiled_ops_are_left_alone(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object())
    seen = []
    imports.without_compiled_ops(lambda module: seen.append(sys.modules.get('mmcv.ops')), types.ModuleType('host'))
    assert not isinstance(seen[0], imports._MissingOps)


def test_only_listed_modules_are_touched():
    finder = imports.HostImports()
    assert finder.find_spec('mmseg.models.backbones.mit', None) is None
    assert finder.find_spec('json', None) is None
    assert sum(isinstance(entry, imports.HostImports) for entry in sys.meta_path) == 1


# torchvision beside another build of torch

BROKEN_TORCHVISION = """
    import torch

    @torch.library.register_fake('torchvision::nms')
    def nms(dets, scores, iou_threshold): ...

    @torch.library.register_fake('torchvision::qnms')
    def qnms(dets, scores, iou_threshold): ...
"""


def test_torchvision_of_another_torch(tmp_path):
    package = tmp_path / 'torchvision'
    package.mkdir()
    (package / '__init__.py').write_text("print('executed')\nfrom . import _operators\n")
    (package / '_operators.py').write_text(dedent(BROKEN_TORCHVISION))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with pytest.raises(AssertionError, match='operator torchvision::nms does not exist'):
        run('import torchvision', PYTHONPATH=path)
    repaired = run(
        """
        from mmuda import compat
        compat.apply()
        import torch, torchvision
        print(torch.ops.torchvision.nms)
        """,
        PYTHONPATH=path,
    )
    assert repaired.splitlines() == ['executed', 'executed', 'torchvision.nms']


def test_healthy_torchvision_is_executed_once():
    calls = []
    imports.beside_another_torch(calls.append, types.ModuleType('torchvision'))
    assert len(calls) == 1


def test_other_errors_of_torchvision_pass():
    def load(module):
        raise RuntimeError('compiled with different CUDA major versions')

    with pytest.raises(RuntimeError, match='CUDA major versions'):
        imports.beside_another_torch(load, types.ModuleType('torchvision'))


@pytest.mark.skipif(importlib.util.find_spec('torchvision') is None, reason='no torchvision')
def test_mmpretrain_imports():
    assert run("""
        from mmuda import compat
        compat.apply()
        import mmpretrain.models, mmpretrain.datasets, mmpretrain.evaluation
        print('ok')
    """)


# Checkpoints


class Line(BaseModel):
    """One parameter and a loss."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x, mode='tensor'):
        return dict(loss=(self.weight * x).sum())


class Ramp(torch.utils.data.Dataset):
    metainfo = dict(classes=('road', 'sky'), palette=np.zeros((2, 3), dtype=np.uint8))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(x=torch.tensor(float(index)))


def line_runner(work_dir, max_iters, **kwargs) -> Runner:
    return Runner(
        Line(),
        str(work_dir),
        train_dataloader=DataLoader(Ramp()),
        train_cfg=dict(by_epoch=False, max_iters=max_iters),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.1)),
        param_scheduler=dict(type='PolyLR', by_epoch=False, end=10),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=max_iters),
        ),
        experiment_name=f'compat_{max_iters}',
        log_level='ERROR',
        **kwargs,
    )


def test_runner_resumes_through_the_safe_loader(tmp_path):
    first = line_runner(tmp_path, 3)
    first.message_hub.update_info('scalar', np.float32(0.5))
    first.message_hub.update_info('random', np.random.get_state())
    first.train()
    saved = torch.load(tmp_path / 'iter_3.pth', weights_only=True)
    assert saved['message_hub']['runtime_info']['scalar'] == np.float32(0.5)
    history = MessageHub.get_current_instance().get_scalar('train/loss')

    second = line_runner(tmp_path, 6, resume=True)
    second.train()
    restored = second.message_hub.get_scalar('train/loss')
    assert second.iter == 6
    assert (restored.data[0][: len(history.data[0])] == history.data[0]).all()
    assert restored.statistics('max') == max(restored.data[0])


class Call:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    'payload',
    [Call(os.mkdir, 'trap'), Call(getattr, np.ndarray, 'tofile'), Call(getattr, HistoryBuffer, '__init__')],
    ids=['call', 'getattr of another class', 'private getattr'],
)
def test_foreign_code_in_a_checkpoint_does_not_run(payload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=payload), 'foreign.pth')
    with pytest.raises((UnpicklingError, ValueError)):
        load_checkpoint(Line(), 'foreign.pth')
    assert not os.path.exists('trap')


@pytest.fixture
def trapped(tmp_path):
    """A runner's checkpoint with a config that would make a folder, and that folder."""
    line_runner(tmp_path, 3).train()
    checkpoint = torch.load(tmp_path / 'iter_3.pth')
    checkpoint['meta']['config'] = f'import os\nos.mkdir({str(tmp_path / "trap")!r})\n'
    torch.save(checkpoint, tmp_path / 'trapped.pth')
    return tmp_path / 'trapped.pth', tmp_path / 'trap'


def test_a_config_in_a_checkpoint_is_not_executed(trapped, tmp_path):
    path, trap = trapped
    runner = line_runner(tmp_path, 6, load_from=str(path), resume=True)
    runner.train()
    assert runner.iter == 6
    assert not trap.exists()


@pytest.mark.slow
@pytest.mark.parametrize('first', ['mmengine.runner', 'mmuda.compat'])
def test_nor_whatever_is_imported_first(first, trapped, tmp_path):
    path, trap = trapped
    run(f"""
        import sys
        import {first}
        from mmuda import compat
        compat.apply()
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_compat import line_runner
        line_runner({str(tmp_path)!r}, 6, load_from={str(path)!r}, resume=True).train()
    """)
    assert not trap.exists()


def test_an_old_torch_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(versions, 'installed_version', dict(torch=Version('2.5.1')).get)
    with pytest.raises(ImportError, match=r'needs torch 2\.6 or newer, and torch 2\.5\.1 .* runs code .* checkpoint'):
        versions.require_safe_torch()


OLD_TORCH = """
import importlib.metadata as metadata, os, runpy, sys
real = metadata.version
metadata.version = lambda name: '2.5.1' if name == 'torch' else real(name)
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    'tool', ['train.py CONFIG', 'dataset_doctor.py CONFIG', 'dataset_converters/gta.py', 'benchmark/norms.py']
)
def test_a_tool_refuses_an_old_torch_in_one_line(tool):
    """It does so while it imports what explains errors, which some do once they have read their command line."""
    repo = Path(__file__).parents[1]
    name, *words = tool.replace('CONFIG', str(repo / 'configs/stct/stct_segformer_toy.py')).split()
    line = [sys.executable, '-c', OLD_TORCH, repo / 'tools' / name, *words]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | dict(PYTHONPATH=str(repo)))
    assert done.returncode == 1
    assert done.stderr.startswith('mmuda: error: mmuda needs torch 2.6 or newer, and torch 2.5.1 is installed, ')
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize('shown', ['0', '1'])
def test_an_uncaught_refusal_is_one_line(shown, monkeypatch, capsys):
    """Other errors are shown as ever."""
    monkeypatch.setattr(sys, 'excepthook', lambda kind, value, trace: print('as ever', value, file=sys.stderr))
    monkeypatch.setenv('MMUDA_TRACEBACK', shown)
    with pytest.raises(ImportError) as info:
        versions.refuse(ImportError('old'))
    for error in (info.value, ImportError('another')):
        sys.excepthook(type(error), error, None)
    assert capsys.readouterr().err == ('as ever old\n' if shown == '1' else 'mmuda: error: old\n') + 'as ever another\n'


def test_whoever_trusts_a_checkpoint_may_load_it(monkeypatch):
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    checkpoints.load_weights_only()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


# What is installed


def test_require_says_what_to_install(monkeypatch):
    compat.require('torch', 'mmengine')
    monkeypatch.setitem(sys.modules, 'mmseg', None)
    with pytest.raises(ModuleNotFoundError, match=r"'mmseg'.*pip install mmsegmentation==1\.2\.2"):
        compat.require('torch', 'mmseg')
    with pytest.raises(ModuleNotFoundError, match='pip install no_such_library'):
        compat.require('no_such_library')


def test_the_pinned_stack_is_the_tested_one():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        versions.warn_untested_versions()
    assert [str(warning.message) for warning in caught] == []


def test_untested_version_warns(monkeypatch):
    found = dict(mmcv=Version('2.2.0'))
    monkeypatch.setattr(versions, 'installed_version', found.get)
    with pytest.warns(UserWarning, match=r'mmcv 2\.2\.0 is not tested.*mmcv-lite==2\.1\.0'):
        versions.warn_untested_versions()


@pytest.mark.parametrize(
    'version, warns', [((3, 9, 18), True), ((3, 10, 0), False), ((3, 13, 9), False), ((3, 14, 0), True)]
)
def test_a_python_without_what_mmengine_calls_warns(monkeypatch, version, warns):
    monkeypatch.setattr(versions.sys, 'version_info', (*version, 'final', 0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        versions.warn_untested_versions()
    assert [str(warning.message).partition(':')[0] for warning in caught] == [
        f'Python {".".join(map(str, version))} is not supported by mmuda (3.10 <= version < 3.14 is)'
    ] * warns


def test_pip_refuses_what_is_warned_of(repo):
    low, high = ('.'.join(map(str, version)) for version in versions.PYTHON)
    assert f"python_requires='>={low},<{high}'" in (repo / 'setup.py').read_text(encoding='utf-8')
    assert hasattr(pkgutil, 'find_loader') == (sys.version_info < versions.PYTHON[1])


def test_installed_version_knows_the_lite_build():
    assert versions.installed_version('torch').public == Version(torch.__version__).public  # a build may hide its name
    assert versions.installed_version('mmcv') == Version('2.1.0')


@pytest.mark.parametrize('fork', [True, False])
def test_lookups_follow_the_fork(fork, monkeypatch):
    from mmengine.config import utils

    def version(distribution):
        if fork and not distribution.startswith('onedl-'):
            raise PackageNotFoundError(distribution)
        return '1.2.2'

    packages = dict(mmseg='mmsegmentation', mmdet='mmdet')
    monkeypatch.setattr(utils, 'MODULE2PACKAGE', packages)
    monkeypatch.setattr(importlib.metadata, 'version', version)
    versions.point_lookups_at_fork()
    expected = 'onedl-mmsegmentation' if fork else 'mmsegmentation'
    assert packages == dict(mmseg=expected, mmdet='mmdet')


@pytest.mark.parametrize('chosen, kept', [(None, '1'), ('0', '0')])
def test_pip_stays_out_of_the_global_python(chosen, kept, monkeypatch):
    monkeypatch.delenv('PIP_REQUIRE_VIRTUALENV', raising=False)
    if chosen:
        monkeypatch.setenv('PIP_REQUIRE_VIRTUALENV', chosen)
    compat.keep_pip_out_of_the_global_python()
    assert os.environ['PIP_REQUIRE_VIRTUALENV'] == kept


# mmseg's cross-entropy with class weights


def seg_loss(**options):
    from mmseg.registry import MODELS

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # mmseg recommends avg_non_ignore
        return MODELS.build(dict(type='CrossEntropyLoss', **options))


@pytest.fixture
def pixels():
    """Logits [2, 3, 4, 5], labels with two ignored rows, weights of the classes."""
    label = torch.randint(0, 3, (2, 4, 5))
    label[0, :2] = 255
    return torch.randn(2, 3, 4, 5, requires_grad=True), label, [0.5, 2.0, 1.0]


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_class_weights_and_ignored_pixels_go_together(pixels, avg_non_ignore):
    logits, label, weights = pixels
    loss = seg_loss(class_weight=weights, avg_non_ignore=avg_non_ignore)(logits, label, ignore_index=255)
    summed = nn.functional.cross_entropy(
        logits.double(), label, torch.tensor(weights).double(), ignore_index=255, reduction='sum'
    )
    count = sum(weights[int(x)] if x != 255 else float(not avg_non_ignore) for x in label.flatten())
    assert loss.item() == pytest.approx(float(summed) / count, rel=1e-5)
    loss.backward()
    assert logits.grad[0, :, :2].abs().max() == 0
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_with_a_sigmoid_weights_belong_to_channels(pixels, avg_non_ignore):
    logits, label, weights = pixels
    loss = seg_loss(use_sigmoid=True, class_weight=weights, avg_non_ignore=avg_non_ignore)
    truth = nn.functional.one_hot(label % 255, 3).movedim(-1, 1).double()
    every = nn.functional.binary_cross_entropy_with_logits(
        logits.double(), truth, pos_weight=torch.tensor(weights).double().view(3, 1, 1), reduction='none'
    )
    counted = (label != 255)[:, None].expand_as(every)
    expected = every[counted].sum() / (counted.sum() if avg_non_ignore else counted.numel())
    assert loss(logits, label, ignore_index=255).item() == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize('sigmoid', [True, False])
@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_equal_class_weights_are_as_none(pixels, sigmoid, avg_non_ignore):
    logits, label, _ = pixels
    options = dict(use_sigmoid=sigmoid, avg_non_ignore=avg_non_ignore)
    losses = [seg_loss(class_weight=w, **options)(logits, label, ignore_index=255) for w in (None, [1.0] * 3)]
    torch.testing.assert_close(*losses)


# mmseg's accuracy


@pytest.mark.parametrize('ignore_index', [None, 255, 2])
def test_the_accuracy_of_a_head_is_mmseg_s(pixels, ignore_index):
    """A class may be the ignored one; without a counted pixel mmseg says 100 %."""
    from mmseg.models.losses import accuracy

    logits, label, _ = pixels
    stock = accuracy.args[0]
    for truth in (label, torch.full_like(label, 255)):
        torch.testing.assert_close(
            accuracy(logits, truth, ignore_index=ignore_index), stock(logits, truth, ignore_index=ignore_index)
        )
    assert accuracy(logits, label % 3, topk=(1, 2))[1] == stock(logits, label % 3, topk=(1, 2))[1]


def test_a_head_s_accuracy_neither_sorts_nor_waits(pixels, monkeypatch):
    from mmseg.models.decode_heads import decode_head

    def refuse(*_, **__):
        raise AssertionError('sorts')

    monkeypatch.setattr(torch.Tensor, 'topk', refuse)
    with torch.device('meta'):  # where nothing can be read
        found = decode_head.accuracy(torch.empty(2, 3, 4, 5), torch.empty(2, 4, 5, dtype=torch.long), ignore_index=255)
    assert found.shape == (1,)


def test_our_registries_name_a_place_since_mmengine_knows_our_scope(caplog):
    """Else it looks for a `mmuda.utils` and says that mmuda is not installed."""
    from mmengine.config.utils import MODULE2PACKAGE
    from mmengine.registry import Registry

    from mmuda import registry

    assert MODULE2PACKAGE['mmuda'] == 'mmuda'
    ours = [value for value in vars(registry).values() if isinstance(value, Registry)]
    assert len(ours) > 15
    for found in ours:
        assert found._locations, found.name
        found.import_from_location()
    assert 'not installed' not in caplog.text


def test_a_loader_pins_the_label_maps_of_samples(monkeypatch):
    """Each tensor of a sample, also one number that stands for a map; what is no tensor stays."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    asked = []

    def pin(tensor):
        assert tensor.is_contiguous()
        asked.append(tuple(tensor.shape))
        return tensor.clone()

    monkeypatch.setattr(torch.Tensor, 'pin_memory', pin)
    sample = SegDataSample(metainfo=dict(domain='target', img_path='a.png'))
    sample.gt_sem_seg = PixelData(data=torch.tensor(255).expand(1, 4, 6))
    sample.set_data(dict(view=torch.zeros(3, 4, 6), name='a'))
    batch = torch.utils.data._utils.pin_memory.pin_memory(dict(inputs=[torch.zeros(3, 4, 6)], data_samples=[sample]))
    pinned = batch['data_samples'][0]
    assert sorted(asked) == [(1, 4, 6), (3, 4, 6), (3, 4, 6)]
    assert type(pinned) is SegDataSample
    assert pinned.metainfo == sample.metainfo
    assert pinned.name == 'a'
    assert torch.equal(pinned.gt_sem_seg.data, sample.gt_sem_seg.data)
