"""The papers' tables: their lines are those of the READMEs, they run, go on, and stand beside the papers' figures."""

import importlib
import json
import shlex
import sys
from dataclasses import replace

import pytest
from readme_lines import PAGES, lines_of

from mmuda.apis import UserError, load_config
from mmuda.apis.command_line import parse_option


@pytest.fixture(scope='module')
def load(repo):
    """The tool's modules, as Python finds them when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / 'tools'))
        yield importlib.import_module


@pytest.fixture(scope='module')
def tables(load):
    return load('reproduction.tables').read_tables()


def test_every_line_stands_in_a_readme(tables, repo):
    """A leaf alone is a file; what has options is a line of a page, word by word."""
    known = {(line.leaf, tuple(sorted(shlex.split(line.words)))) for page in PAGES for line in lines_of(page)}
    strange = []
    for table in tables.values():
        for name, row in table.rows.items():
            for column in table.columns.values():
                leaf = f'configs/{row.leaf.format(data=column.data)}'
                assert (repo / leaf).is_file(), (table.name, name)
                if row.options and (leaf, tuple(sorted(shlex.split(row.options)))) not in known:
                    strange.append((table.name, name))
    assert strange == []


def test_every_row_has_a_figure_of_its_paper(tables):
    """In one column or in the mean, but for those that the copy at hand has lost."""
    without = {
        (table.name, row)
        for table in tables.values()
        for row in table.rows
        if not table.printed_mean(row) and not any(table.printed(row, column) for column in table.columns)
    }
    assert without == {('transnorm-4-inception', 'CDAN+TransNorm'), ('transnorm-4-dtn', 'CDAN+TransNorm')}


def test_no_two_runs_share_a_work_directory(tables):
    for table in tables.values():
        lines = list(table.lines())
        assert len({line.folder(0) for line in lines}) == len(lines), table.name


@pytest.mark.parametrize(
    ('table', 'row', 'column', 'figure'),
    [
        ('acda-1', 'ACDA', 'W->A', ('77.70', '0.91')),
        ('acda-5', 'ACDA', None, ('90.94', None)),
        ('stct-1', 'MHA in stages 2+3', 'mIoU (GTA->CS)', ('66.34', None)),
        ('stct-sec4.3', 'STCT+MHA', 'mIoU (GTA->CS)', ('68.05', None)),
        ('stct-sec4.3', 'STCT+MHA, source-pretrained init', 'mIoU (GTA->CS)', ('69.18', None)),
        (
            'stct-sec4.3',
            'STCT+MHA, source-pretrained init, no coordination weight',
            'mIoU (GTA->CS)',
            ('67.06', None),
        ),
        ('dida-v', 'dilation=1, static CNN', None, ('89.91', None)),
        ('dida-xiii', 'FixMatch*', '40 labels', ('69.88', '7.88')),
        ('transnorm-6', 'prob Softmax', 'W->A', ('73.2', None)),
    ],
)
def test_figures_of_the_papers(tables, table, row, column, figure):
    found = tables[table].printed(row, column) if column else tables[table].printed_mean(row)
    assert found == figure


def test_columns_of_one_run_are_scores_of_it(tables):
    table = tables['stct-3-synthia']
    assert len(list(table.lines())) == 2
    assert (table.score_of('Road'), table.score_of('mIoU')) == ('IoU.road', 'mIoU16')


@pytest.mark.slow
def test_every_row_and_every_column_is_a_config(tables, repo):
    """Each row with its first column, each column with its first row."""
    seen = set()
    for table in tables.values():
        row, column = next(iter(table.rows)), next(iter(table.columns))
        lines = [table.line(name, column) for name in table.rows] + [table.line(row, name) for name in table.columns]
        seen |= {(line.leaf, line.words) for line in lines}
    for leaf, words in sorted(seen):
        cfg = load_config(repo / 'configs' / leaf, dict(map(parse_option, words)))
        assert {'model', 'train_dataloader', 'test_evaluator'} <= set(cfg), (leaf, words)


PAPER = """
paper: ACDA
source: a toy
score: accuracy
tables:
  '1':
    title: Toy
    columns: {A->W: pair=a-w, D->W: pair=d-w}
    mean: Avg
    rows: {DAN: {leaf: dan/dan_resnet50_office31.py}, ACDA: {leaf: acda/acda_resnet50_office31.py, options: x=1}}
"""
TRAINER = """
import json, pathlib, sys
leaf, _, folder, resume, _, *words = sys.argv[1:]
path = pathlib.Path(folder, '2026', 'vis_data', 'scalars.json')
if 'acda' in leaf and 'pair=d-w' in words:
    sys.exit('mmuda: error: the data are gone')
path.parent.mkdir(parents=True)
seed = int(next(word for word in words if word.startswith('randomness.seed')).split('=')[1])
score = 80 + seed + 10 * ('pair=a-w' in words)
path.write_text(json.dumps(dict(step=5, accuracy=1.0)) + chr(10) + json.dumps(dict(step=10, accuracy=score)) + chr(10))
"""


@pytest.fixture
def main(load, tmp_path, monkeypatch, capsys):
    """Run the tool on a toy paper, whose trainer writes a log and fails for one cell."""
    (tmp_path / 'papers').mkdir()
    (tmp_path / 'papers' / 'toy.yaml').write_text(PAPER)
    (tmp_path / 'train.py').write_text(TRAINER)
    tables, runs = load('reproduction.tables'), load('reproduction.runs')
    (tmp_path / 'papers' / 'figures.csv').write_text((tables.PAPERS / 'figures.csv').read_text())
    monkeypatch.setattr(tables, 'PAPERS', tmp_path / 'papers')
    monkeypatch.setattr(runs, 'TRAIN', tmp_path / 'train.py')
    monkeypatch.setattr(runs, 'POLL', 0.01)
    monkeypatch.chdir(tmp_path)

    def _main(*words):
        monkeypatch.setattr(sys, 'argv', ['reproduce', *words])
        try:
            load('reproduce').main()
        finally:
            _main.out = capsys.readouterr().out
        return _main.out

    return _main


def test_a_table_is_trained_and_stands_beside_its_paper(main, tmp_path):
    assert main().startswith('toy-1 ')
    commands = main('toy-1', '--list', '--seeds', '0').splitlines()
    assert len(commands) == 4
    assert commands[0].startswith('python train.py ')
    assert commands[-1].endswith('--resume --cfg-options x=1 pair=d-w randomness.seed=0')
    with pytest.raises(UserError, match=r'2 runs failed, the first is work_dirs/reproduce/toy-1/acda/pair-d-w/seed0'):
        main('toy-1', '--run', '--seeds', '0', '2', '--processes', '2')
    assert main.out.splitlines()[0] == '8 of 8 runs to do'
    assert (
        'seed0 failed: mmuda: error: the data are gone (work_dirs/reproduce/toy-1/acda/pair-d-w/seed0.log)' in main.out
    )
    assert main('toy-1', '--seeds', '0', '2', '--rows', 'DAN').splitlines()[2:] == [
        '|  |  | A->W | D->W | Avg |',
        '| --- | --- | --- | --- | --- |',
        '| DAN | paper | 80.5 ± 0.4 | 97.1 ± 0.2 | 80.4 |',
        '|  | here, seeds 0, 2 | 91.00 ± 1.41 | 81.00 ± 1.41 | 86.00 ± 1.41 |',
    ]
    (tmp_path / 'train.py').write_text(TRAINER.replace("'acda' in leaf", 'False'))
    assert main('toy-1', '--run', '--seeds', '0').splitlines()[0] == '1 of 4 runs to do'
    assert r' & here, seeds 0 & 90.00 & 80.00 & 85.00 \\ \hline' in main('toy-1', '--seeds', '0', '--format', 'latex')


def test_a_record_knows_what_it_was_made_with(main, tmp_path):
    main('toy-1', '--run', '--seeds', '0', '--rows', 'DAN')
    record = json.loads((tmp_path / 'work_dirs/reproduce/toy-1/dan/pair-a-w/seed0/record.json').read_text())
    assert record['settings'] == dict(leaf='dan/dan_resnet50_office31.py', options=['pair=a-w'], seed=0)
    assert record['step'] == 10
    with pytest.raises(
        UserError, match=r'record.json was made with other settings \(dan/.*: remove it, or choose --work-'
    ):
        main('toy-1', '--seeds', '0', '--rows', 'DAN', '--cfg-options', 'train_cfg.max_iters=9')


WRONG = {
    'no table': (['toy-9'], "no table 'toy-9'; did you mean 'toy-1'"),
    'no paper': (['x'], "no table 'x': choose one of toy-1"),
    'no row': (['toy-1', '--rows', 'MCD'], "table toy-1 has no row 'MCD'; did you mean|: choose of DAN; ACDA"),
    'no option': (['toy-1', '--cfg-options', 'x'], "--cfg-options has 'x', which is no KEY=VALUE"),
    'nothing to run': (['--run'], '--list and --run need a table: name one'),
    'no folder': (['toy-1', '--run', '--work-dirs', 'train.py/x'], '--work-dirs train.py/x cannot be made'),
}


@pytest.mark.parametrize(('words', 'sentence'), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence(main, words, sentence):
    with pytest.raises(UserError, match=sentence):
        main(*words)


def test_a_log_without_the_score(load, tables, tmp_path):
    (line, *_) = tables['stct-1'].lines()
    run = load('reproduction.runs').Run(line, 0, tmp_path)
    with pytest.raises(UserError, match="has no log of the score 'mIoU': does its config have a validation"):
        load('reproduction.runs').keep_scores(run, 'mIoU')


def test_a_file_that_declares_no_tables(load, tmp_path, monkeypatch):
    monkeypatch.setattr(load('reproduction.tables'), 'PAPERS', tmp_path)
    (tmp_path / 'x.yaml').write_text('paper: X\ntables: {a: {columns: {}}}')
    with pytest.raises(UserError, match=r'x.yaml declares no tables \(KeyError'):
        load('reproduction.tables').read_tables()


def test_latex_has_no_sign_that_it_reads_otherwise(load, tables):
    table = replace(tables['dida-iv'], title='50 % of A_1 & B')
    text = load('reproduction.page').as_latex(table, {})
    assert r'50 \% of A\_1 \& B' in text
    assert text.count('{') == text.count('}')


@pytest.mark.slow
def test_real_runs_of_a_toy_leaf(main, load, repo, tmp_path, monkeypatch):
    """The trainer is tools/train.py."""
    from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=2, val=1, width=64, height=32))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path))
    monkeypatch.setattr(load('reproduction.runs'), 'TRAIN', repo / 'tools' / 'train.py')
    row = '{DAN: {leaf: source_only/source-only_segformer_toy.py}}'
    paper = PAPER.replace('accuracy', 'mIoU').replace('{A->W: pair=a-w, D->W: pair=d-w}', "{A->W: ''}")
    (tmp_path / 'papers' / 'toy.yaml').write_text(paper[: paper.index('rows:')] + f'rows: {row}\n')
    options = [
        'crop_size=(32,64)',
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=false',
    ]
    words = ['toy-1', '--seeds', '0', '--cfg-options', *options]
    assert '| here, seeds 0 |' in main(*words[:3], '--run', *words[3:])
    assert main(*words, '--list') == ''
