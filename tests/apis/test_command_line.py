"""The command line: what its words mean, and that every tool answers a mistake in one sentence."""

import ast

import pytest

from mmuda.apis import ToolParser, UserError, at_least, fraction, run_tool
from mmuda.apis.command_line import parse_option


@pytest.mark.parametrize(
    'text, value',
    [
        ('3', 3),
        ('0', 0),
        ('007', '007'),
        ('[01,2]', ['01', 2]),
        ('1e-3', 1e-3),
        ('true', True),
        ('False', False),
        ('None', None),
        ('none', 'none'),
        ('', ''),
        ('mmuda.CDAN', 'mmuda.CDAN'),
        ('data/my photos', 'data/my photos'),
        ('a=b', 'a=b'),
        ('"3"', '3'),
        ("'a,b'", 'a,b'),
        ('1,2,3', [1, 2, 3]),
        ('[1, a, None]', [1, 'a', None]),
        ('(4,4)', (4, 4)),
        ('(1,)', (1,)),
        ('[]', []),
        ('[(1,2),[a,b],c]', [(1, 2), ['a', 'b'], 'c']),
        ('(1,2),(3,4)', [(1, 2), (3, 4)]),
    ],
)
def test_values(text, value):
    key, found = parse_option(f'a.b={text}')
    assert key == 'a.b'
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    'word, reason',
    [
        ('lr', "has 'lr', which is no KEY=VALUE: write it in one word, without spaces"),
        ('=', "has '=', whose key '' is no dotted name"),
        ('=3', "whose key '' is no dotted name"),
        ('a..b=3', "whose key 'a..b' is no dotted name"),
        ('a =3', "whose key 'a ' is no dotted name"),
        ('a=[1,2', r"has 'a=\[1,2', where a '\]' is missing: close the bracket"),
        ('a=dict(', "has 'a=dict\\(', a dict: give its keys one by one, such as a.KEY=VALUE"),
        ("a=dict(type='X')", 'a dict: give its keys one by one'),
        ('a={1: 2}', 'a dict: give its keys one by one'),
        ('a=1)', r"where a '\)' closes no bracket: mend it"),
        ('a=[(1])', r"where a '\]' closes no bracket"),
    ],
)
def test_a_word_that_is_no_option(word, reason):
    with pytest.raises(UserError, match=reason):
        parse_option(word)


@pytest.fixture
def parser():
    """One argument of each kind."""
    parser = ToolParser(prog='tool.py')
    parser.add_argument('config')
    parser.add_argument('--samples', type=at_least(1))
    parser.add_argument('--noise', type=at_least(0.0))
    parser.add_argument('--opacity', type=fraction)
    parser.add_cfg_options()
    return parser


def test_options_add_up(parser):
    args = parser.parse_args(['c.py', '--cfg-options', 'a=1', 'b.c=x', '--cfg-options', 'a=2', '--samples', '1'])
    assert args.cfg_options == {'a': 2, 'b.c': 'x'}
    assert args.samples == 1
    assert parser.parse_args(['c.py']).cfg_options is None


@pytest.mark.parametrize(
    'line, reason',
    [
        ('', 'the following arguments are required: config'),
        ('c.py --sample 3', 'unrecognized arguments: --sample 3'),
        ('c.py --samples 0', 'argument --samples: 0 is not a number from 1 on'),
        ('c.py --samples 1.5', "argument --samples: invalid int value: '1.5'"),
        ('c.py --noise -1', 'argument --noise: -1 is not a number from 0.0 on'),
        ('c.py --noise nan', 'argument --noise: nan is not a number'),
        ('c.py --opacity 2', 'argument --opacity: 2 is not a number from 0 to 1'),
        ('c.py --cfg-options', 'argument --cfg-options: expected at least one argument'),
        ('c.py --cfg-options lr = 3', "--cfg-options has 'lr', which is no KEY=VALUE"),
    ],
)
def test_a_mistake_is_one_sentence(parser, capsys, line, reason):
    with pytest.raises(SystemExit) as info:
        run_tool(lambda: parser.parse_args(line.split()))
    assert info.value.code == 1
    last = capsys.readouterr().err.rstrip().split('\n')[-1]
    assert last.startswith('mmuda: error: ')
    assert reason in last


def test_every_tool_answers_in_one_sentence(repo):
    """Each command runs through `run_tool`; no tool has a parser of its own or a last word beside the sentence."""
    for path in sorted((repo / 'tools').rglob('*.py')):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not [node for node in calls if ast.unparse(node.func).endswith('ArgumentParser')], path
        ends = [node for node in calls if ast.unparse(node.func) in ('sys.exit', 'exit', 'SystemExit')]
        assert not [node for node in ends if any(isinstance(part, ast.JoinedStr) for part in ast.walk(node))], path
        for node in tree.body:
            if isinstance(node, ast.If) and '__main__' in ast.unparse(node.test):
                assert ast.unparse(node.body[-1]).startswith(('run_tool(', 'run(__doc__')), path
    assert 'run_tool(' in (repo / 'tools/dataset_converters/converting.py').read_text()  # in its run(doc, ...)
