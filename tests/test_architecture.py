"""The import direction, read from the sources: a failure names the file, the line and the import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmuda

ROOT = Path(mmuda.__file__).parent
BASE = ['lazy', 'registry', 'compat', 'domain', 'functional', 'palette', 'processes', 'scores', 'storage']
# Each row of models may import the rows above it.
MODELS = [
    ['models.layers'],
    ['models.backbones', 'models.necks', 'models.heads', 'models.segmentors', 'models.data_preprocessors'],
    ['models.views'],
    ['models.terms', 'models.labellers'],
    ['models.alignment', 'models.self_training'],  # former names of what stands above
    ['models.tasks'],
    ['models.uda'],
    ['models'],
]
MAY_IMPORT = {
    **{room: [] for room in BASE},
    'functional': ['domain'],  # hybrid attention takes a DomainBatch
    'processes': ['lazy'],
    'storage': ['lazy'],
    **{
        room: [*BASE, *(lower for rooms_below in MODELS[:row] for lower in rooms_below)]
        for row, rooms in enumerate(MODELS)
        for room in rooms
    },
    'datasets': ['registry', 'compat', 'domain', 'palette', 'storage'],
    'engine': BASE,
    'evaluation': BASE,
    'visualization': BASE,
    'apis': [*BASE, 'models', 'datasets', 'evaluation', 'visualization'],
    '__main__': [*BASE, 'apis'],
}
ANY_TASK = ['datasets', 'evaluation', 'visualization', 'apis']
MAY_IMPORT_HOST = {
    'mmseg': [
        'models.tasks.segmentation',
        'models.backbones.mit',
        'models.backbones.mha_mit',
        'models.heads.daformer_head',
        'models.heads.deeplabv2_head',
        'models.heads.hrda_head',
        'models.heads.lightweight_head',
        'models.heads.segformer_head',
        'models.segmentors',
        *ANY_TASK,
    ],
    'mmpretrain': ['models.tasks.classification', 'models.backbones.vit', 'models.backbones.mha_vit', *ANY_TASK],
}

FILES = {'.'.join(path.relative_to(ROOT).with_suffix('').parts): path for path in sorted(ROOT.rglob('*.py'))}


def imports(module: str) -> list[tuple[str, int]]:
    """Dotted names a module imports, each with its line; relative ones are resolved."""
    found = []
    package = ['mmuda', *module.split('.')[:-1]]
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) + 1 - node.level] if node.level else []
            origin = '.'.join([*parts, *filter(None, [node.module])])
            found += [(f'{origin}.{alias.name}', node.lineno) for alias in node.names]
    return found


def within(name: str, folders: list[str]) -> bool:
    return any(f'{name}.'.startswith(f'{folder}.') for folder in folders)


def room_of(name: str) -> str | None:
    """The innermost room that a dotted name below `mmuda` lies in."""
    return max((room for room in MAY_IMPORT if within(name, [room])), key=len, default=None)


def violations(forbidden) -> list[str]:
    """Every import for which `forbidden(module, name)` holds, with its file and line."""
    return [
        f'{FILES[module]}:{line} imports {name}'
        for module in FILES
        for name, line in imports(module)
        if forbidden(module, name)
    ]


def test_every_file_has_a_room():
    assert [module for module in FILES if module != '__init__' and not room_of(module)] == []


def test_rooms_import_in_one_direction():
    def upwards(module, name):
        room, target = room_of(module), room_of(name.removeprefix('mmuda.'))
        if not within(name, ['mmuda']) or target in (None, room):
            return False
        return not within(target, MAY_IMPORT.get(room, []))

    assert violations(upwards) == []


def test_tensor_rooms_import_torch_only():
    known = {*sys.stdlib_module_names, 'torch', 'mmuda'}

    def foreign(module, name):
        return room_of(module) in ('domain', 'functional') and name.split('.')[0] not in known

    assert violations(foreign) == []


def test_hosts_are_imported_where_they_belong():
    def misplaced(module, name):
        return any(within(name, [host]) and not within(module, places) for host, places in MAY_IMPORT_HOST.items())

    assert violations(misplaced) == []


def test_compat_is_applied_before_a_host_is_imported():
    for module, path in FILES.items():
        lines = path.read_text(encoding='utf-8').splitlines()
        for name, line in imports(module):
            if within(name, ['mmcv', 'mmseg', 'mmpretrain']):
                assert any('compat.apply()' in text for text in lines[:line]), f'{path}:{line}'


def test_files_are_short_and_name_what_they_import():
    lengths = {str(path): len(path.read_text(encoding='utf-8').splitlines()) for path in FILES.values()}
    assert {path: length for path, length in lengths.items() if length > 300} == {}
    assert violations(lambda module, name: name.endswith('.*')) == []


def test_what_is_public_says_what_it_does():
    assert [line for path in FILES.values() for line in undocumented(path)] == []


def undocumented(path: Path) -> list[str]:
    """Classes, functions and methods without a docstring whose names begin with no underscore."""
    found = []

    def search(node: ast.AST) -> None:
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                if not part.name.startswith('_') and ast.get_docstring(part) is None:
                    found.append(f'{path}:{part.lineno}')
                if isinstance(part, ast.ClassDef):
                    search(part)

    search(ast.parse(path.read_text(encoding='utf-8')))
    return found


def test_a_docstring_that_is_missing_is_found(tmp_path):
    source = tmp_path / 'wrong.py'
    source.write_text('class _A:\n    def b(self):\n        pass\n\n    def _c(self):\n        pass\n')
    assert undocumented(source) == [f'{source}:2']


def test_the_package_is_light():
    code = 'import mmuda, mmuda.registry, sys; print(*sys.modules)'
    loaded = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    hosts = {'mmcv', 'mmseg', 'mmpretrain', 'torchvision', 'cv2'}
    assert hosts.isdisjoint(loaded.stdout.split())


def test_a_violation_is_found(tmp_path, monkeypatch):
    source = tmp_path / 'wrong.py'
    source.write_text('from ..uda import UDAModel\nimport mmseg.models\nfrom mmuda import engine\n')
    monkeypatch.setitem(FILES, 'models.tasks.wrong', source)
    for test in (
        test_rooms_import_in_one_direction,
        test_hosts_are_imported_where_they_belong,
        test_compat_is_applied_before_a_host_is_imported,
    ):
        with pytest.raises(AssertionError, match=r'wrong\.py:[123]'):
            test()
