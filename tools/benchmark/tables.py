"""Tables of the benchmark as they are declared, and the config of each of their runs: no command of its own.

A table is a YAML file in `configs/benchmark`:

    title: what it is called
    task: segmentation                 # which task of `mmuda` wraps the network; or classification
    config: LEAF.py                    # network, both domains, schedule; alone it is source only
    seeds: [0, 1, 2]
    steps: 300                         # of each run; a row may have its own
    validations: 4                     # of each run; the last one is that of the last checkpoint
    baseline: ROW                      # what gains are counted from
    variables: {NAME: VALUE}           # of the leaf and its bases, such as crop_size: what follows them follows
    options: {KEY: VALUE}              # of every run, as `--cfg-options` has them; a value may be a dict
    ways:                              # what is adapted to, and what is scored; the first set is the main one
      WAY: {train: {KEY: VALUE}, score: {SET: {KEY: VALUE OF THE SCORED DATA SET}}}
    rows:
      ROW: {start: ROW, methods: [FILE OF configs/_base_/methods], model: TYPE, hooks: [...], steps: N, options: ...}
      ROW: {target_labels: FOLDER}     # the bound: the target takes the source's place, with labels of this folder

`like: TABLE` takes everything that a file does not say from another one, and of its rows those in `rows_like`.

A row without methods trains on the source alone: once for all ways. Ways and rows may have `variables`, too. Ways that
do are pairs of domains, each with a source of its own: every row is run for each, and each is a column of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from table_checks import check_table

from mmuda.apis import UserError, load_config, load_part
from mmuda.datasets.errors import DataError
from mmuda.datasets.mapping_file import read_mapping

REPO = Path(__file__).resolve().parents[2]
TABLES = REPO / 'configs' / 'benchmark'
METHODS = REPO / 'configs' / '_base_' / 'methods'
VALIDATIONS = 4
METRICS = dict(segmentation='mIoU', classification='accuracy')
"""What a task is scored by."""
COUNTED = dict(segmentation='areas', classification='counts')
"""The option of a task's metric that gives, by class, the counts behind its scores."""


@dataclass(frozen=True)
class Row:
    """A line of a table: what is done with the table's network and data."""

    start: str | None = None
    methods: tuple[str, ...] = ()
    model: str = 'mmuda.SelfTrainingUDA'
    hooks: tuple[Mapping, ...] = ()
    steps: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    target_labels: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sees_target(self) -> bool:
        """Whether a run of it depends on what is adapted to."""
        return bool(self.methods or self.target_labels)


@dataclass(frozen=True)
class Run:
    """One training: a row, a seed and, where it adapts, a way."""

    row: str
    seed: int
    way: str | None

    @property
    def name(self) -> str:
        """Name of its record and of its work directory."""
        return '_'.join(slug(part) for part in (self.row, self.way, f'seed{self.seed}') if part)


@dataclass(frozen=True)
class Table:
    """A table as its file declares it."""

    path: Path
    title: str
    config: str
    seeds: tuple[int, ...]
    steps: int
    baseline: str
    ways: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Row]
    variables: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    task: str = 'segmentation'
    validations: int | None = None

    @property
    def metric(self) -> str:
        """Name of the score that counts."""
        return METRICS[self.task]

    @property
    def sets(self) -> list[str]:
        """Names of the scored sets, the main one first."""
        return list(next(iter(self.ways.values()))['score'])

    @property
    def has_pairs(self) -> bool:
        """Whether its ways are pairs of domains, which differ in their sources, too."""
        return any(way.get('variables') for way in self.ways.values())

    def ways_of(self, row: str) -> list[str | None]:
        """Return what a row is run for; `[None]`: once for all ways."""
        return list(self.ways) if self.has_pairs or self.rows[row].sees_target else [None]

    def runs(self) -> Iterator[Run]:
        """Yield all runs, seed by seed; in a seed row by row, so a start comes before what starts from it."""
        for seed in self.seeds:
            for name in self.rows:
                for way in self.ways_of(name):
                    yield Run(name, seed, way)

    def start_of(self, run: Run) -> Run | None:
        """Return the run whose network a run starts from."""
        start = self.rows[run.row].start
        return None if start is None else Run(start, run.seed, run.way if run.way in self.ways_of(start) else None)

    def settings(self, run: Run) -> dict:
        """Return all that the table says of a run: what its record was made with."""
        row, way = self.rows[run.row], self.ways[run.way] if run.way else {}
        declared = dict(
            variables={**self.variables, **way.get('variables', {}), **row.variables},
            target_labels=row.target_labels,
            validations=self.validations,
        )
        return dict(
            **{key: value for key, value in declared.items() if value},
            config=self.config,
            start=row.start,
            methods=list(row.methods),
            model=row.model if row.methods else None,
            hooks=[dict(hook) for hook in row.hooks],
            steps=row.steps or self.steps,
            options={**self.options, **way.get('train', {}), **row.options},
        )


def read_table(name: str) -> Table:
    """Read the table of `configs/benchmark/NAME.yaml`, or of a path.

    Raises:
        UserError: No such file, or one whose keys do not fit.
    """
    path = Path(name) if name.endswith('.yaml') else TABLES / f'{name}.yaml'
    if not path.is_file():
        known = ', '.join(sorted(found.stem for found in TABLES.glob('*.yaml')))
        raise UserError(f"no table '{name}': there is no {path}, choose one of {known}")
    try:
        content = _content(path)
        rows = {row: _row(settings) for row, settings in content.pop('rows').items()}
        table = Table(path=path, rows=rows, seeds=tuple(content.pop('seeds')), **content)
        check_table(table, METRICS, {file.stem: file for file in METHODS.glob('*.py')})
    except DataError as error:
        raise UserError(str(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'{path} is no table ({type(error).__name__}: {error}): see tools/benchmark/tables.py'
        ) from error
    return table


def _content(path: Path, after: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return what a file says, together with the table that it is like, whose file is read after others."""
    if path in after:
        raise UserError(f"{path}: its 'like' leads back to itself")
    own = read_mapping(str(path), 'table')
    if 'like' not in own:
        return own
    other = _content(path.parent / f'{own.pop("like")}.yaml', (*after, path))
    rows = {name: other['rows'][name] for name in own.pop('rows_like', other['rows'])}
    return {**other, **own, 'rows': {**rows, **own.get('rows', {})}}


def _row(settings: dict | None) -> Row:
    return Row(**{key: tuple(value) if isinstance(value, list) else value for key, value in (settings or {}).items()})


def run_config(table: Table, run: Run, scored: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a run: the table's leaf, the row's methods around its network, and the options.

    Args:
        table: The table.
        run: One of its runs.
        scored: Settings of the scored data set; None: those of the run's main set, or the leaf's own.
    """
    row, settings = table.rows[run.row], table.settings(run)
    cfg = load_config(table.path.parent / table.config, settings.get('variables', {}))
    if row.methods:
        methods = [_method(name) for name in row.methods]
        cfg.model = dict(type=row.model, task=table.task, student=cfg.model, methods=methods)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), *settings['hooks']]
    steps = settings['steps']
    cfg.train_cfg.update(max_iters=steps, val_interval=-(-steps // (table.validations or VALIDATIONS)))
    cfg.default_hooks.logger.interval = max(1, steps // 20)
    cfg.merge_from_dict(settings['options'])
    if not row.methods:
        _train_on_one(cfg.train_dataloader.dataset, row.target_labels)
    if scored is None and run.way is not None:
        scored = table.ways[run.way]['score'][table.sets[0]]
    for part in ('val', 'test'):
        cfg[f'{part}_dataloader'].dataset.update(scored or {})
        cfg[f'{part}_evaluator'][COUNTED[table.task]] = True
    for part in ('train', 'val', 'test'):  # a run is one process of one thread
        cfg[f'{part}_dataloader'].update(num_workers=0, persistent_workers=False)
    cfg.randomness.seed = run.seed
    return cfg


def _train_on_one(dataset: dict, target_labels: str | None) -> None:
    """Leave one domain: the source, or the target with its labels, seen as the source is."""
    if target_labels is not None:
        pipeline, labels = dataset['source']['pipeline'], dict(seg_map_path=target_labels)
        dataset['source'] = dict(dataset['target'], pipeline=pipeline)
        dataset['source']['data_prefix'] = dict(dataset['target']['data_prefix'], **labels)
    dataset['target'] = None


def _method(name: str) -> dict:
    """Return what a method's file says: its one dict, beside variables."""
    (method,) = [value for value in load_part(METHODS / f'{name}.py').values() if isinstance(value, dict)]
    return method


def slug(text: str) -> str:
    """Turn `DAFormer recipe` into `daformer-recipe`."""
    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')
