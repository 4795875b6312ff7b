"""The command line: train, resume, score, infer, and what a mistake gets.

Runs that matter go through a process of their own; mistakes are tried in this one, as they end early.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.apis import run_tool
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

REPO = Path(__file__).resolve().parents[1]
TINY = f"""
_base_ = '{REPO}/configs/METHOD/METHOD_NAME_segformer_toy.py'
train_dataloader = dict(batch_size=BATCH, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False, end=100)]
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1), logger=dict(interval=1))
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A data root with a handful of toy streets."""
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=4, val=2, width=96, height=64))
    return root


@pytest.fixture
def configs(tmp_path):
    """Leaves of two iterations: `stct` and `source_only`."""
    paths = {}
    for method, name, batch in (('stct', 'stct', 2), ('source_only', 'source-only', 1)):
        paths[method] = tmp_path / f'{method}.py'
        text = TINY.replace('METHOD_NAME', name).replace('METHOD', method).replace('BATCH', str(batch))
        paths[method].write_text(text)
    return paths


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """Work directory and config of an STCT run of two iterations, made by the command itself."""
    folder = tmp_path_factory.mktemp('trained')
    config = folder / 'stct.py'
    config.write_text(TINY.replace('METHOD_NAME', 'stct').replace('METHOD', 'stct').replace('BATCH', '2'))
    command('train.py', config, '--work-dir', folder / 'run', data=data)
    return folder / 'run', config


def environment(data) -> dict:
    return dict(
        os.environ,
        MMUDA_DATA=str(data),
        OMP_NUM_THREADS='1',
        PYTHONPATH=str(REPO),
        PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
    )


def command(tool, *args, data, expect=0) -> subprocess.CompletedProcess:
    """Run a tool in a process of its own."""
    line = [sys.executable] if str(tool).endswith('.py') else ['bash']
    done = subprocess.run(
        [*line, str(REPO / 'tools' / tool), *map(str, args)],
        env=environment(data),
        cwd=data,  # mmengine leaves an empty `.dist_test` behind
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-4000:]
    return done


@pytest.fixture
def call(data, monkeypatch):
    """Run a tool in this process."""
    monkeypatch.setenv('MMUDA_DATA', str(data))
    monkeypatch.delenv('MMUDA_TRACEBACK', raising=False)

    def _call(tool, *args) -> None:
        spec = importlib.util.spec_from_file_location('tool', REPO / 'tools' / tool)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        run_tool(module.main)

    return _call


@pytest.fixture
def fails(call, capsys):
    """Run a tool in this process; return the one line it prints on stderr before it exits with 1."""

    def _fails(tool, *args) -> str:
        with pytest.raises(SystemExit) as info:
            call(tool, *args)
        assert info.value.code == 1
        last = capsys.readouterr().err.strip().split('\n')[-1]
        assert last.startswith('mmuda: error: ')
        return last.removeprefix('mmuda: error: ')

    return _fails


def weights(path) -> dict:
    return torch.load(path, weights_only=True)['state_dict']


def test_training_writes_checkpoints_log_and_config(trained):
    work_dir, config = trained
    assert {path.name for path in work_dir.iterdir()} >= {'iter_1.pth', 'iter_2.pth', 'last_checkpoint', config.name}
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    text = log.read_text()
    for key in ('loss_source', 'loss_target', 'coordination', 'pseudo_accuracy', 'mIoU', 'teacher/mIoU', 'IoU.car'):
        assert f'"{key}"' in text, key


def test_a_resumed_run_equals_an_uninterrupted_one(trained, data, tmp_path):
    work_dir, config = trained
    (tmp_path / 'iter_1.pth').write_bytes((work_dir / 'iter_1.pth').read_bytes())
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_1.pth'))
    command('train.py', config, '--work-dir', tmp_path, '--resume', data=data)
    ours, theirs = weights(tmp_path / 'iter_2.pth'), weights(work_dir / 'iter_2.pth')
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert any(not torch.equal(ours[key], value) for key, value in weights(work_dir / 'iter_1.pth').items())


def test_scoring_writes_label_maps_and_pictures(trained, call, tmp_path):
    work_dir, config = trained
    places = ['--work-dir', tmp_path / 'w', '--out', tmp_path / 'labels', '--show-dir', tmp_path / 'pictures']
    call('test.py', config, work_dir / 'iter_2.pth', '--predict-on', 'teacher', *places)
    for name in ('00000.png', '00001.png'):
        label = np.asarray(Image.open(tmp_path / 'labels' / name))
        assert label.shape == (64, 96)
        assert label.max() < 8
        assert np.asarray(Image.open(tmp_path / 'pictures' / name)).shape == (64, 96, 3)


def test_inference_on_a_folder(trained, data, call, monkeypatch, capsys, tmp_path):
    work_dir, config = trained
    images = data / 'toy_streets/dusk/images/val'
    monkeypatch.setenv('MMUDA_DATA', '/nowhere')  # inference needs no data set
    call('infer.py', config, work_dir / 'iter_2.pth', images, '--out', tmp_path, '--batch-size', 2, '--shares', 'json')
    assert '2 label maps' in capsys.readouterr().out
    assert sum(json.loads((tmp_path / 'shares.json').read_text())[f'{images}/00000.png'].values()) == pytest.approx(1)
    assert sorted(path.name for path in (tmp_path / 'overlays').glob('*.png')) == ['00000.png', '00001.png']
    assert np.asarray(Image.open(tmp_path / 'labels/00000.png')).shape == (64, 96)


def test_views_that_are_scored_and_written(trained, data, call, capsys, tmp_path):
    work_dir, config = trained
    tta = ('--tta', '--cfg-options', 'tta_views.scales=(1.0,1.5)')
    call('test.py', config, work_dir / 'iter_2.pth', '--work-dir', tmp_path, '--out', tmp_path / 'test', *tta)
    images = data / 'toy_streets/dusk/images/val'
    call('infer.py', config, work_dir / 'iter_2.pth', images, '--out', tmp_path / 'infer', *tta)
    for name in ('00000.png', '00001.png'):
        scored, predicted = (Image.open(tmp_path / place / name) for place in ('test', 'infer/labels'))
        assert np.array_equal(scored, predicted)
        assert scored.size == (96, 64)


def test_export_prints_the_file_beside_the_network(trained, data, call, capsys, tmp_path):
    work_dir, config = trained
    image = sorted((data / 'toy_streets/dusk/images/val').iterdir())[0]
    call('export.py', config, work_dir / 'iter_2.pth', tmp_path / 'student.pt', '--images', image)
    table = [[cell.strip() for cell in line.split('|')] for line in capsys.readouterr().out.splitlines() if '|' in line]
    assert [(row[1], row[2]) for row in table[1:]] == [
        ('EncoderDecoder', 'torch'),
        (str(tmp_path / 'student.pt'), 'TorchScript'),
    ]
    assert float(table[2][3]) == pytest.approx((tmp_path / 'student.pt').stat().st_size / 1e6, abs=0.01)
    assert float(table[2][5]) <= 1e-4


def test_inference_twice_on_a_folder_with_a_broken_image(trained, data, fails, monkeypatch, tmp_path):
    work_dir, config = trained
    shutil.copytree(data / 'toy_streets/dusk/images/val', tmp_path / 'in/cam_a')
    shutil.copytree(tmp_path / 'in/cam_a', tmp_path / 'in/cam_b')
    broken = tmp_path / 'in/cam_b/00001.png'
    broken.write_bytes(broken.read_bytes()[:500])
    monkeypatch.chdir(tmp_path / 'in')
    for _ in range(2):
        line = fails('infer.py', config, work_dir / 'iter_2.pth', '.')
        assert line.startswith("1 of 4 images failed, 3 are done: './cam_b/00001.png' is no complete image")
        found = sorted(str(path.relative_to('predictions')) for path in Path('predictions').rglob('*.png'))
        names = ('cam_a/00000.png', 'cam_a/00001.png', 'cam_b/00000.png')
        assert found == [f'{kind}/{name}' for kind in ('labels', 'overlays') for name in names]


def test_two_processes_on_a_cpu(configs, data, tmp_path):
    env_port = str(29600 + os.getpid() % 300)
    os.environ['PORT'] = env_port
    try:
        command('dist_train.sh', configs['stct'], 2, '--work-dir', tmp_path / 'run', data=data)
        command(
            'dist_test.sh', configs['stct'], tmp_path / 'run/iter_2.pth', 2, '--work-dir', tmp_path / 'test', data=data
        )
    finally:
        del os.environ['PORT']
    assert (tmp_path / 'run/iter_2.pth').is_file()


def test_amp_on_a_cpu(configs, call, tmp_path):
    call('train.py', configs['source_only'], '--work-dir', tmp_path / 'run', '--amp')
    assert (tmp_path / 'run/iter_2.pth').is_file()
    assert 'BFloat16OptimWrapper' in (tmp_path / 'run/source_only.py').read_text()


@pytest.mark.slow
def test_compiled_encoders_and_a_validation(configs, call, tmp_path):
    options = ['--cfg-options', 'compile.backend=aot_eager']
    call('train.py', configs['source_only'], '--work-dir', tmp_path, '--compile', *options)
    assert (tmp_path / 'iter_2.pth').is_file()
    (log,) = tmp_path.glob('*/*.log')
    found = (line.partition('INFO - ')[2] for line in log.read_text().splitlines() if ' INFO - ' in line)
    said = [text for text in found if text.startswith(('Training steps run', 'Step '))]
    assert said[0].startswith("Training steps run backbone compiled (torch.compile, backend 'aot_eager'), ")
    assert said[1] == 'Step 1 compiled: 1 graphs.'
    assert said[2:] in ([], ['Step 2 compiled: 1 graphs.'])  # its one image may have another size


@pytest.mark.parametrize(
    'script, args, expected',
    [
        ('slurm_train.sh', ['part', 'job', 'C.py', '--amp'], 'train.py C.py --launcher slurm --amp'),
        (
            'slurm_test.sh',
            ['part', 'job', 'C.py', 'K.pth', '--out', 'x y'],
            'test.py C.py K.pth --launcher slurm --out x y',
        ),
    ],
)
@pytest.mark.parametrize('gpus, gres', [('8', '--gres=gpu:4 '), ('2', '--gres=gpu:2 ')])
def test_slurm(script, args, expected, gpus, gres, tmp_path, data, monkeypatch):
    (tmp_path / 'srun').write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    monkeypatch.setenv('GPUS', gpus)
    line = command(script, *args, data=data).stdout.strip()
    assert line.startswith(f'--partition=part --job-name=job --ntasks={gpus} --ntasks-per-node={min(4, int(gpus))} ')
    assert gres in line
    assert line.endswith(expected)


SRUN = """#!/bin/bash
for WORD; do echo "srun<$WORD>"; done
trap 'echo told; exit $STATUS' USR1
if [ -n "$NOTICE" ]; then
    kill -USR1 $PPID
    for ((I = 0; I < 600; I++)); do sleep 0.1; done
fi
exit $STATUS
"""
SCONTROL = """#!/bin/sh
echo "   StartTime=2026-03-01T10:00:00 EndTime=2026-03-01T18:00:00"
echo "   PreemptEligibleTime=2026-03-01T10:00:00 PreemptTime=$PREEMPTED"
echo "scontrol $@" >&2
"""


@pytest.fixture
def submitted(tmp_path, data, monkeypatch):
    """``submitted(**environment)`` → how the job script of `slurm_submit.sh` ends, and sbatch's arguments."""
    programs = dict(sbatch=f'#!/bin/sh\necho "$@"\ncat > {tmp_path}/job.sh\n', srun=SRUN, scontrol=SCONTROL)
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    monkeypatch.setenv('GPUS', '2')
    line = command('slurm_submit.sh', 'part', 'job', 'C.py', '--cfg-options', 'a="x y"', data=data).stdout

    def run(**variables):
        env = environment(data) | dict(SLURM_JOB_ID='7', STATUS='0', NOTICE='', PREEMPTED='None') | variables
        return subprocess.run(['bash', tmp_path / 'job.sh'], env=env, capture_output=True, text=True), line

    return run


def test_a_submitted_job_resumes(submitted):
    done, line = submitted()
    assert line.startswith('--partition=part --job-name=job --output=job-%j.log --open-mode=append --requeue ')
    assert '--signal=B:USR1@300 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=5 --gres=gpu:2' in line
    expected = ['C.py', '--launcher', 'slurm', '--cfg-options', 'a="x y"', '--resume']
    assert done.stdout.split('\n')[-7:-1] == [f'srun<{word}>' for word in expected]


@pytest.mark.parametrize(
    'status, variables, queues',
    [
        (0, {}, False),
        (1, {}, False),
        (143, {}, False),  # a rank has failed, and srun has ended the others
        (138, {}, True),
        (138, dict(NOTICE='yes'), True),
        (143, dict(NOTICE='yes'), True),  # srun has ended a rank that was a little later than the others
        (0, dict(NOTICE='yes'), False),  # done in time
        (143, dict(PREEMPTED='2026-03-01T11:00:00'), True),
        (143, dict(PREEMPTED='2026-03-01T09:00:00'), False),  # before this start
    ],
)
def test_a_submitted_job_queues_again_when_slurm_ended_it(submitted, status, variables, queues):
    done, _ = submitted(STATUS=str(status), **variables)
    assert done.returncode == status
    assert ('told' in done.stdout) == ('NOTICE' in variables)
    assert ('scontrol requeue 7' in done.stderr) == queues


@pytest.mark.parametrize(
    'script, args, expected',
    [
        ('dist_train.sh', ['C.py', 2, '--max-restarts'], "--max-restarts '' is no number of restarts"),
        ('dist_train.sh', ['C.py', 2, '--max-restarts=two'], "--max-restarts 'two' is no number of restarts"),
        ('dist_train.sh', ['C.py', 2, '--max-restarts', 3, '--resume'], 'resumes from the work directory by itself'),
        ('slurm_submit.sh', ['part', 'job', 'C.py', '--resume=x.pth'], 'resumes from the work directory by itself'),
    ],
)
def test_a_mistake_for_a_launcher(script, args, expected, data):
    done = command(script, *args, data=data, expect=1)
    assert done.stderr.startswith('mmuda: error: ')
    assert expected in done.stderr


def test_a_launcher_is_replaced_by_torchrun(tmp_path, data, monkeypatch):
    """So a signal to the script is a signal to torchrun; what this torch has no option for is said."""
    (tmp_path / 'python').write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} "$@"; fi\necho $PPID "$@"\n'
    )
    (tmp_path / 'python').chmod(0o755)
    environ = environment(data)
    environ['PATH'] = f'{tmp_path}:{environ["PATH"]}'
    line = ['bash', str(REPO / 'tools/dist_train.sh'), 'C.py', '2', '--max-restarts', '3', '--amp']
    done = subprocess.run(line, env=environ, capture_output=True, text=True)
    parent, *words = done.stdout.split()
    assert int(parent) == os.getpid()
    assert '--max-restarts=3' in words
    assert words[-5:] == ['C.py', '--launcher', 'pytorch', '--amp', '--resume']
    offered = (Path(torch.__file__).parent / 'distributed/run.py').read_text()
    for option in ('--signals-to-handle=SIGTERM,SIGINT,SIGQUIT,SIGUSR1', '--shutdown-timeout=600'):
        assert (option in words) == (option.split('=')[0] in offered)
    assert done.stderr.count('torchrun') == 2 - sum('timeout=' in word or 'handle=' in word for word in words)


def test_scripts_explain_themselves(data):
    for script in ('dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh', 'slurm_submit.sh'):
        assert command(script, data=data, expect=2).stderr.startswith('usage: ')


def test_a_missing_config(fails):
    assert fails('train.py', 'configs/gone.py').startswith('config file configs/gone.py does not exist')


def test_an_unknown_key_in_the_options(fails, configs, tmp_path):
    line = fails(
        'train.py', configs['stct'], '--work-dir', tmp_path / 'w', '--cfg-options', 'optim_wraper.optimizer.lr=1'
    )
    assert line.startswith("unknown config key 'optim_wraper.optimizer.lr'")


@pytest.mark.parametrize(
    'option, expected',
    [
        (
            'model.student.decode_head.num_clases=3',
            "unknown config key 'model.student.decode_head.num_clases' for SegformerHead: it takes ",
        ),
        (
            'model.terms.target.weight.alfa=3',
            "unknown config key 'model.terms.target.weight.alfa' for CoordinationWeight: it takes alpha, reduction, ",
        ),
        ('model.terms.target.weight.alpha=-1', 'CoordinationWeight has alpha=-1'),
        (
            'model.coordination.alpha=1e-3',
            "config key 'model.coordination' is called 'model.terms.target.weight' now",
        ),
        ('model.student.backbone.type=MixVisionTransfomer', "unknown type 'MixVisionTransfomer' in the "),
        ('train_dataloader.batchsize=3', "unknown config key 'train_dataloader.batchsize'"),
        ('model.student.decode_head.num_classes=19', 'decode_head has num_classes=19, but the train set has 8 classes'),
        ('model.student.decode_head.num_classes=5', 'decode_head has num_classes=5, but the train set has 8 classes'),
        (
            'val_dataloader.dataset.metainfo.classes=[pavement,road,building,sky,tree,car,pedestrian,pole]',
            "order: class 0 is 'road' in the train set and 'pavement' in the val set",
        ),
        (
            'train_dataloader.sampler.ration=3',
            "unknown config key 'train_dataloader.sampler.ration' for RareClassSampler: it takes dataset, ratio, ",
        ),
        ('train_cfg.max_iter=3', "unknown config key 'train_cfg.max_iter' for ResumableTrainLoop: it takes "),
        ('randomness.sed=3', "unknown config key 'randomness.sed'"),
        (
            'optim_wrapper.optimizer.learning_rate=1',
            "unknown config key 'optim_wrapper.optimizer.learning_rate' for AdamW: it takes params, lr, ",
        ),
        ('train_dataloader.dataset.source.data_root=/gone', "The data root '/gone' does not exist"),
        ('train_dataloader.dataset.source.data_prefix.img_path=gone', 'gone'),
        ('train_dataloader.batch_size=1', 'A training batch of 1 samples has no target image'),
        ('train_cfg.max_iters=4k', 'train_cfg.max_iters=4k does not fit: it is 2 in the config: give a number'),
        ('val_evaluator.iou_metrics=[mIuo]', "fails on its first image: metrics ['mIuo'] is not supported"),
        ('default_hooks.checkpoint.save_best=mDice', "save_best='mDice', but the validation gives aAcc, mIoU, mAcc, "),
        ('val_dataloader.dataset.pipeline.1.type=mmuda.LoadImage', 'fails on its first image: '),
        ('load_from=gone.pth', 'checkpoint gone.pth does not exist: check load_from'),
        (
            'model.student.backbone.init_cfg.checkpoint=gone.pth',
            'the file of pretrained weights gone.pth does not exist',
        ),
    ],
)
def test_a_mistake_in_the_config_leaves_nothing_behind(fails, configs, tmp_path, option, expected):
    line = fails('train.py', configs['stct'], '--work-dir', tmp_path / 'a/w', '--cfg-options', option)
    assert expected in line
    assert not (tmp_path / 'a/w').exists()


def test_bad_files_are_named_from_a_data_loading_worker(fails, data, configs, tmp_path, monkeypatch):
    shutil.copytree(data, tmp_path / 'data')
    for image in (tmp_path / 'data/toy_streets/day/images/train').iterdir():
        image.write_bytes(image.read_bytes()[:500])
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path / 'data'))
    options = ['--cfg-options', 'train_dataloader.num_workers=1']
    line = fails('train.py', configs['source_only'], '--work-dir', tmp_path / 'w', *options)
    assert f'{tmp_path}/data/toy_streets/day/images/train/0000' in line
    assert 'truncated' in line
    assert not (tmp_path / 'w').exists()


def test_a_work_directory_that_cannot_be_made(fails, configs, tmp_path):
    (tmp_path / 'file').write_text('')
    line = fails('train.py', configs['stct'], '--work-dir', tmp_path / 'file/run')
    assert f'{tmp_path}/file is a file; choose another --work-dir' in line


def test_a_checkpoint_of_another_model(fails, trained, configs, tmp_path):
    checkpoint = trained[0] / 'iter_2.pth'
    line = fails('test.py', configs['source_only'], checkpoint, '--work-dir', tmp_path / 'test')
    assert f'checkpoint {checkpoint} is of another model than EncoderDecoder: it lacks ' in line
    assert 'extract_network.py' in line
    for args in (['--resume', checkpoint], ['--cfg-options', f'load_from={checkpoint}']):
        line = fails(
            'train.py',
            configs['stct'],
            '--work-dir',
            tmp_path / 'w',
            *args,
            *([] if '--cfg-options' in args else ['--cfg-options']),
            'model.student.decode_head.channels=32',
        )
        assert 'has other shapes for' in line
        assert 'decode_head.convs.0.conv.weight' in line
    assert not (tmp_path / 'w').exists()


def test_a_truncated_checkpoint(fails, trained, configs, tmp_path):
    broken = tmp_path / 'broken.pth'
    broken.write_bytes((trained[0] / 'iter_2.pth').read_bytes()[:-1000])
    line = fails('train.py', configs['stct'], '--work-dir', tmp_path / 'w', '--resume', broken)
    assert line.startswith(f'checkpoint {broken} cannot be read')
    assert not (tmp_path / 'w').exists()


def test_a_network_that_the_model_does_not_have(fails, call, configs, tmp_path):
    call('train.py', configs['source_only'], '--work-dir', tmp_path / 'run')
    line = fails(
        'test.py',
        configs['source_only'],
        tmp_path / 'run/iter_2.pth',
        '--predict-on',
        'teacher',
        '--work-dir',
        tmp_path / 'w',
    )
    assert 'EncoderDecoder has no network called teacher' in line


def test_distributed_without_a_launcher(fails, configs, tmp_path):
    line = fails('train.py', configs['stct'], '--work-dir', tmp_path / 'w', '--launcher', 'pytorch')
    assert line.startswith('--launcher pytorch finds no RANK, WORLD_SIZE')


def test_bad_images(fails, trained, tmp_path):
    work_dir, config = trained
    assert 'image gone.png does not exist' in fails('infer.py', config, work_dir / 'iter_2.pth', 'gone.png')
    line = fails('infer.py', config, work_dir / 'iter_2.pth', tmp_path, '--out', tmp_path / 'out')
    assert f'folder {tmp_path} holds no image' in line
