"""Pages of docs/: commands name what there is, blocks of Python run, whole pages are followed on painted streets."""

import inspect
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip('mmseg')

from mmengine.registry import DefaultScope

from mmuda.__main__ import COMMANDS
from mmuda.apis import enable_amp, load_config
from mmuda.apis.command_line import parse_option
from mmuda.apis.preflight import check_config, check_training
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.models.uda.methods import join_methods
from mmuda.registry import DATA_SAMPLERS, DATASETS, HOOKS, MODELS

REPO = Path(__file__).resolve().parents[1]
NEW = ('get_started', 'own_data', 'plug_in', 'many_gpus', 'scale', 'troubleshooting', 'migrate')
FILE = re.compile(r'(?:tools|configs|docs)/[\w./-]+\.(?:py|sh|md)')


def page(name: str) -> str:
    return (REPO / 'docs' / f'{name}.md').read_text(encoding='utf-8')


def commands(text: str) -> list[list[str]]:
    """Words of the lines that are commands of ours, as they stand on a page."""
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r'^    (python tools/.*)$', text, re.MULTILINE)]


def blocks(text: str) -> list[str]:
    return re.findall(r'```python\n(.*?)```', text, re.DOTALL)


@pytest.mark.parametrize('name', NEW)
def test_a_page_names_what_there_is(name):
    """Files, and options of the tools that it calls."""
    text = page(name)
    made = re.findall(r'^`([\w/.-]+\.py)`$', text, re.MULTILINE)  # files that the page tells to write
    assert [file for file in FILE.findall(text) if file not in made and not (REPO / file).exists()] == []
    for line in re.findall(r'(tools/[^`\n]*)', text):
        tool = REPO / line.split()[0]
        if tool.suffix == '.py':
            known = tool.read_text() + (REPO / 'mmuda/apis/command_line.py').read_text()
            shared = [tool.parent / f'{name}.py' for name in ('reporting', 'stepping') if f'from {name} ' in known]
            known += ''.join(file.read_text() for file in shared)
            assert [word for word in re.findall(r'--[a-z][\w-]*', line) if f"'{word}'" not in known] == [], line


def words_of_tools(text: str) -> list[list[str]]:
    """Commands of tools with their words, as lines of a block and inside a sentence or a table."""
    text = re.sub(r'python -m mmuda (\w+)', lambda found: f'tools/{COMMANDS[found[1]][0]}', text)
    lines = re.findall(r'^    (?:python )?(tools/.*)$', text, re.MULTILINE) + re.findall(r'`(tools/[^`\n]+)`', text)
    found = [shlex.split(line, comments=True) for line in lines if '…' not in line]
    return [words for words in found if words[0].endswith('.py') and len(words) > 1]


@pytest.mark.parametrize('name', [*NEW, 'inference', 'choose_a_checkpoint', 'reliability'])
def test_the_parsers_of_the_tools_take_the_commands_of_a_page(name, monkeypatch):
    """And a config takes the options that a page gives it."""
    monkeypatch.chdir(REPO)
    found = words_of_tools(page(name))
    assert found or name in ('many_gpus', 'scale', 'reliability')  # scripts of the shell, tested with them
    for words in found:
        monkeypatch.setattr(sys, 'argv', words)
        with monkeypatch.context() as path:
            path.syspath_prepend(str(Path(words[0]).resolve().parent))
            tool = runpy.run_path(words[0])
        args = tool['parse_args']() if 'parse_args' in tool else None
        config = getattr(args, 'config', None)
        if config and Path(config).exists() and getattr(args, 'cfg_options', None):
            check_config(load_config(config, args.cfg_options), 'train')


def test_what_saves_memory_is_an_option(monkeypatch):
    """The page on many GPUs names them in an order; together they are a config."""
    section = page('many_gpus').partition('## When memory is short')[2]
    options = dict(
        parse_option(word) for word in re.findall(r'`([\w.]+=[^` ]+)`', section.partition('Methods with')[0])
    )
    assert set(options) == {
        'optim_wrapper.accumulative_counts',
        'mit',
        'crop_size',
        'model.student.backbone.with_cp',
    }
    cfg = load_config(REPO / 'configs/stct/gta2cs.py', options)
    enable_amp(cfg)
    check_config(cfg, 'train')
    assert cfg.model.student.backbone.with_cp is True
    assert cfg.train_dataloader.dataset.source.pipeline[3].crop_size == (384, 384)


def test_cluster_files_are_yaml_that_starts_trainings():
    """Each names a config that there is, and the tool or module that trains."""
    files = [yaml.safe_load(text) for text in re.findall(r'```yaml\n(.*?)```', page('scale'), re.DOTALL)]
    assert [set(file) & {'kind', 'run'} for file in files] == [{'kind'}, {'run'}]
    job, task = files
    container = job['spec']['pytorchReplicaSpecs']['Worker']['template']['spec']['containers'][0]
    words = container['args'], task['run'].split()
    assert [word in text for word, text in zip(('mmuda', 'tools/dist_train.sh'), words)] == [True, True]
    for config in (
        word.removeprefix('configs/').removeprefix('mmuda::') for text in words for word in text if word.endswith('.py')
    ):
        assert (REPO / 'configs' / config).exists()


def test_every_page_is_on_the_site():
    class Loader(yaml.SafeLoader):
        """mkdocs.yml has tags of Python's."""

    Loader.add_multi_constructor('tag:yaml.org,2002:python/', lambda *_: None)
    site = yaml.load((REPO / 'mkdocs.yml').read_text(), Loader)
    listed = re.findall(r'[\w/.-]+\.md', str(site['nav']))
    assert {path.name for path in REPO.glob('docs/*.md')} <= set(listed)
    assert {f'methods/{path.parent.name}.md' for path in REPO.glob('configs/*/README.md')} <= set(listed)
    assert len(listed) == len(set(listed))


def test_parts_plug_in():
    """Blocks of a config are merged into a network of mmseg's kind; the others run."""
    norm, data, loss, mixed = blocks(page('plug_in'))
    assert types_in(data) == {'mmuda.DomainDataset', 'mmuda.ToyStreets', 'mmuda.DomainSampler'}
    settings: dict = {}
    exec(norm, settings)
    backbone = dict(type='mmseg.ResNet', depth=18) | settings['model']['backbone']
    with DefaultScope.overwrite_default_scope('mmseg'):
        names = {type(module).__name__ for module in MODELS.build(backbone).modules()}
    assert 'TransNorm2d' in names
    assert 'BatchNorm2d' not in names
    made: dict = {}
    exec(loss, made)
    assert 0 < made['loss'] < 5
    exec(mixed, made)
    assert made['mixed'].inputs.shape == made['target'].inputs.shape
    assert made['mixed'].label.shape == made['mixed'].weight.shape == made['target'].label.shape


def types_in(block: str) -> set[str]:
    """Types of ours in a block of a config; each is registered where a stock config looks for it."""
    exec(block, {})
    found = set(re.findall(r"type='(mmuda\.\w+)'", block))
    assert [
        name for name in found if not any(where.get(name) for where in (MODELS, HOOKS, DATASETS, DATA_SAMPLERS))
    ] == []
    return found


def test_the_readme_s_blocks(folder):
    """The leaf for two folders is a config that starts; the part in a stock config names what there is."""
    leaf, part = blocks((REPO / 'README.md').read_text(encoding='utf-8'))
    leaf = leaf.replace("'./stct_", "'../stct/stct_").replace('num_classes=5', 'num_classes=8')
    (folder / 'configs' / 'mine' / 'readme.py').write_text(leaf)
    cfg = load_config('configs/mine/readme.py')
    check_training(cfg)
    assert cfg.train_dataloader.dataset.target.data_prefix.img_path == 'new/images'
    assert 'mmuda.MHAMixVisionTransformer' in types_in(part)


@pytest.mark.parametrize('leaf', ['daformer/daformer_daformer_mit-b5_gta2cs', 'mic/mic_daformer_mit-b5_gta2cs'])
def test_the_other_code_s_settings_are_keys_of_ours(leaf):
    """Each key of the table stands in a config, or its type takes it."""
    cfg = load_config(REPO / 'configs' / f'{leaf}.py').to_dict()
    cfg['model'] = join_methods(cfg['model'].pop('methods'), cfg['model'])
    right = [line.split('|')[2] for line in page('migrate').splitlines() if line.startswith('| `')]
    keys = re.findall(r'`((?:model|custom_hooks|train_dataloader|train_cfg|randomness)\.[\w.]+)', ' '.join(right))
    keys = [key for key in keys if not key.startswith(('model.student.neck', 'model.terms.dann'))]  # of classifiers
    if leaf.startswith('daformer'):
        keys = [key for key in keys if 'masked' not in key]
    assert len(keys) >= 10
    for key in keys:
        *path, last = key.split('.')
        node = cfg
        for word in path:
            node = node[int(word) if word.isdigit() else word]
        assert last in node or last in inspect.signature(MODELS.get(node['type'])).parameters, key


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout to write into, and data/mine as the page describes it."""
    for path in (REPO / 'configs').iterdir():
        (tmp_path / 'configs').mkdir(exist_ok=True)
        (tmp_path / 'configs' / path.name).symlink_to(path)
    (tmp_path / 'configs' / 'mine').mkdir()
    (tmp_path / 'tools').symlink_to(REPO / 'tools')
    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=4, val=2, width=96, height=64))
    streets, mine = tmp_path / 'toy_streets', tmp_path / 'data' / 'mine'
    for ours, (light, part) in dict(old=('day', 'train'), new=('dusk', 'train'), new_val=('dusk', 'val')).items():
        shutil.copytree(streets / light / 'images' / part, mine / ours / 'images')
        if ours != 'new':
            shutil.copytree(streets / light / 'labels' / part, mine / ours / 'labels')
    text = page('own_data').replace('iter_4000', 'iter_2')
    (mine / 'classes.json').write_text(re.search(r'```json\n(.*?)```', text, re.DOTALL)[1])
    for name, block in re.findall(r'^`([\w/.-]+\.py)`\n\n```python\n(.*?)```', text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMUDA_DATA', raising=False)
    return tmp_path


@pytest.mark.parametrize('name', ['source', 'adapted'])
def test_own_data_are_a_config(folder, name):
    (folder / 'work_dirs' / 'source').mkdir(parents=True)
    cfg = load_config(f'configs/mine/{name}.py', {'load_from': None})
    check_training(cfg)
    assert bool(cfg.train_dataloader.dataset.target) == (name == 'adapted')


@pytest.mark.parametrize('name', ['source', 'adapted'])
def test_own_data_without_a_labelled_image_of_the_target_are_a_config(folder, name):
    """The lines of the page stand in the place of those that it names."""
    (folder / 'work_dirs' / 'source').mkdir(parents=True)
    shutil.rmtree(folder / 'data' / 'mine' / 'new_val')
    (lines,) = (block for block in blocks(page('own_data')) if 'LabelFreeMetric' in block)
    path = folder / 'configs/mine/source.py'
    kept = [line for line in path.read_text().splitlines() if 'new_val' not in line and 'test_dataloader' not in line]
    path.write_text('\n'.join([*kept, lines]))
    cfg = load_config(f'configs/mine/{name}.py', {'load_from': None})
    check_training(cfg)
    with DefaultScope.overwrite_default_scope('mmuda'):
        dataset = DATASETS.build(cfg.val_dataloader.dataset)
    assert 0 < len(dataset) <= 200
    assert 'seg_map_path' not in dataset.get_data_info(0)
    assert cfg.val_evaluator == cfg.test_evaluator == dict(type='mmuda.LabelFreeMetric')
    assert cfg.test_dataloader == cfg.val_dataloader


SHORT = {  # what a training of two steps has instead
    'train.py': ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=4'],
    'browse_dataset.py': [],
    'dataset_doctor.py': [],
}
WORKERS = [f'{part}_dataloader.{key}' for part in ('train', 'val') for key in ('num_workers=0', 'persistent_workers=0')]


def follow(text: str, monkeypatch, size: str) -> None:
    """Run the commands of a page, in order, in this process."""
    for words in commands(text):
        tool, options = Path(words[0]).name, []
        if tool in SHORT:
            options = [*SHORT[tool], size, *(WORKERS if tool == 'train.py' else [])]
        monkeypatch.setattr(sys, 'argv', [*words, *(['--cfg-options', *options] if options else [])])
        monkeypatch.syspath_prepend(str(Path(words[0]).resolve().parent))
        try:
            runpy.run_path(words[0], run_name='__main__')
        except SystemExit as end:
            if end.code:
                raise


@pytest.mark.slow
def test_the_page_on_own_data_is_followed(folder, monkeypatch):
    text = page('own_data').replace('iter_4000', 'iter_2')
    follow(text, monkeypatch, 'crop_size=(64,96)')
    for name in ('doctor.html', 'views/batch_0.png', 'report.html', 'student.pth', 'work_dirs/adapted/iter_2.pth'):
        assert (folder / name).is_file(), name
    assert len(list((folder / 'predictions' / 'labels').glob('*.png'))) == 4


@pytest.mark.slow
def test_the_first_page_is_followed(folder, monkeypatch):
    text = page('get_started').replace('iter_1000', 'iter_2')
    painting, _, rest = text[text.index('    python tools/dataset_conv') :].partition('\n')
    text = f'{painting} --train 4 --val 2 --size 96 64\n{rest}'
    text = (
        text[: text.index('## What a command line says')] + text[text.index('    python tools/analysis_tools/print') :]
    )
    follow(text, monkeypatch, 'crop_size=(64,96)')
    assert (folder / 'report.html').is_file()
    assert len(list((folder / 'predictions' / 'overlays').glob('*.png'))) == 2


@pytest.mark.slow
def test_the_site_is_built(tmp_path, monkeypatch):
    """Strictly: a link that leads nowhere ends it. No page asks another address for a script, a style or a font."""
    mkdocs = pytest.importorskip('mkdocs.commands.build')
    pytest.importorskip('mkdocstrings')
    from mkdocs.config import load_config as load_site

    monkeypatch.setenv('NO_MKDOCS_2_WARNING', '1')
    monkeypatch.chdir(REPO)
    mkdocs.build(load_site(str(REPO / 'mkdocs.yml'), strict=True, site_dir=str(tmp_path)))
    pages = list(tmp_path.rglob('*.html'))
    assert len(pages) > 40
    for path in pages:
        loaded = re.findall(r'<(?:script|link)[^>]+(?:src|href)="(https?:[^"]+)', path.read_text())
        assert loaded == [], path.name
    assert 'mmuda.functional.mmd' in (tmp_path / 'api' / 'functional.html').read_text()
