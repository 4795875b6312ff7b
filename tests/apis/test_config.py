"""Reading configs: nothing that is mistyped goes unnoticed."""

import textwrap

import pytest

from mmuda.apis import UserError, load_config


@pytest.fixture
def write(tmp_path):
    """Write a config file below a temporary folder and return its path."""

    def _write(name, text):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return _write


@pytest.fixture
def leaf(write):
    """A leaf that uses variables of its own and of its base."""
    write(
        'base.py',
        """
        size = 7
        width = 3
        model = dict(type='A', size=size, deep=dict(x=1))
        """,
    )
    return write(
        'leaf.py',
        """
        _base_ = './base.py'
        extra = _base_.width
        student = _base_.model
        model = dict(_delete_=True, type='B', student=student, extra=extra)
        """,
    )


def test_variables_are_used_and_dropped(leaf):
    cfg = load_config(leaf)
    assert set(cfg) == {'model'}
    assert cfg.model.student.size == 7
    assert cfg.model.extra == 3


def test_a_dumped_config_reads_back(leaf, tmp_path):
    cfg = load_config(leaf)
    cfg.dump(tmp_path / 'dumped.py')
    assert load_config(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()


def test_options_are_merged(leaf):
    cfg = load_config(leaf, {'model.student.deep.x': 2, 'randomness.seed': 5})
    assert cfg.model.student.deep.x == 2
    assert cfg.randomness.seed == 5


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r'config file .*nowhere\.py does not exist: give the path'):
        load_config(tmp_path / 'nowhere.py')


@pytest.mark.parametrize(
    'text, reason',
    [
        ('model = dict(', r'broken\.py cannot be read \(SyntaxError'),
        ('model = undefined', r'broken\.py cannot be read \(NameError'),
        ("model = 'a' + 1", r'broken\.py cannot be read \(TypeError'),
        ("_base_ = './gone.py'", r'gone\.py, a _base_ of .*broken\.py, does not exist'),
        ("_base_ = './'", r', a _base_ of .*broken\.py, is a folder'),
        (
            "_base_ = ['./data.yaml']",
            r"data\.yaml, a _base_ of .*broken\.py, has the suffix '\.yaml': configs are Python",
        ),
        ('\0', r'broken\.py cannot be read'),
    ],
)
def test_a_broken_file(write, text, reason):
    write('data.yaml', 'a: 1')
    with pytest.raises(UserError, match=reason):
        load_config(write('broken.py', text))


def test_a_folder(tmp_path):
    with pytest.raises(UserError, match=r'config file .* is a folder: give a file in it'):
        load_config(tmp_path)


@pytest.mark.parametrize('suffix', ['.yaml', '.yml', '.json', '.pkl'])
def test_a_config_is_python_alone(tmp_path, suffix):
    """mmengine would run what a YAML file asks for."""
    marker = tmp_path / 'executed'
    (tmp_path / f'evil{suffix}').write_text(f"model: !!python/object/apply:os.mkdir ['{marker}']")
    with pytest.raises(UserError, match=rf"evil\{suffix} has the suffix '\{suffix}': configs are Python files"):
        load_config(tmp_path / f'evil{suffix}')
    assert not marker.exists()


@pytest.fixture
def pair(write):
    """A config that reads its domains from the environment."""
    text = "pair = '{{$MMUDA_PAIR:amazon-webcam}}'\nsource, target = pair.split('-')\nmodel = dict(a=source, b=target)"
    return write('pair.py', text)


def test_a_value_from_the_environment(pair, monkeypatch):
    monkeypatch.delenv('MMUDA_PAIR', raising=False)
    assert load_config(pair).model == dict(a='amazon', b='webcam')
    monkeypatch.setenv('MMUDA_PAIR', 'dslr-amazon')
    assert load_config(pair).model == dict(a='dslr', b='amazon')


@pytest.mark.parametrize(
    'value, reason',
    [
        ('', r"variable MMUDA_PAIR is empty: unset it, then .*pair\.py uses 'amazon-webcam', or set it"),
        ('amazon', r'ValueError: .* or the environment variables that it reads, MMUDA_PAIR=amazon'),
        ("a'-b", r'variable MMUDA_PAIR is "a\'-b": .*pair\.py cannot read a value with quotes'),
    ],
)
def test_a_bad_value_from_the_environment(pair, monkeypatch, value, reason):
    monkeypatch.setenv('MMUDA_PAIR', value)
    with pytest.raises(UserError, match=reason):
        load_config(pair)


@pytest.mark.parametrize('text', ['optim_wraper: dict = dict()', 'optim_wraper, model = dict(), dict()'])
def test_a_mistyped_setting_in_any_assignment(write, text):
    with pytest.raises(UserError, match=r"'optim_wraper' in .*did you mean 'optim_wrapper'\?"):
        load_config(write('typo.py', text))


def test_a_mistyped_setting_beside_a_value_from_the_environment(write):
    with pytest.raises(UserError, match="'optim_wraper' in "):
        load_config(write('typo.py', "optim_wraper = dict(lr={{'$MMUDA_LR:1'}})"))


def test_a_mistyped_setting(write):
    path = write('typo.py', "optim_wraper = dict(type='OptimWrapper')")
    with pytest.raises(UserError, match=r"'optim_wraper' in .*typo\.py: .*did you mean 'optim_wrapper'\?"):
        load_config(path)


def test_an_overridden_variable_that_its_base_has_already_used(write, leaf):
    path = write(
        'override.py',
        """
        _base_ = './leaf.py'
        size = 9
        """,
    )
    with pytest.raises(UserError, match=r"unknown config key 'size' in .*override\.py: a base has used its own 'size'"):
        load_config(path)


def test_a_mistyped_setting_of_a_base_is_charged_to_the_base(write):
    write('bad_base.py', 'modell = dict()')
    path = write('good_leaf.py', "_base_ = ['./bad_base.py']")
    with pytest.raises(UserError, match=r"'modell' in .*bad_base\.py"):
        load_config(path)


def test_old_placeholders_count_as_a_use(write):
    write('old_base.py', 'size = 7')
    path = write(
        'old_leaf.py',
        """
        _base_ = './old_base.py'
        model = dict(size={{_base_.size}})
        """,
    )
    assert load_config(path).model.size == 7


def test_an_unknown_option(leaf):
    with pytest.raises(UserError, match=r"'optim_wraper\.lr' in --cfg-options: .*'optim_wrapper'\?"):
        load_config(leaf, {'optim_wraper.lr': 1})


def test_a_variable_can_be_set(leaf, write):
    """Whatever is made of it follows, in the file that has it and in those that inherit it."""
    cfg = load_config(leaf, {'size': 9, 'width': 4, 'model.student.deep.x': 2})
    assert (cfg.model.student.size, cfg.model.extra, cfg.model.student.deep.x) == (9, 4, 2)
    assert load_config(leaf, {'extra': 5, 'width': 4}).model.extra == 5
    assert set(cfg) == {'model'}
    assert cfg.filename == str(leaf)
    child = write('child.py', "_base_ = ['./leaf.py']\nname: str = 'ä'; twice = name * 2\nwork_dir = f'{twice}!'")
    cfg = load_config(child, {'name': 'it\'s "ö"', 'size': 8})
    assert (cfg.work_dir, cfg.model.student.size) == ('it\'s "ö"it\'s "ö"!', 8)


def test_a_variable_from_the_environment_can_be_set(pair, monkeypatch):
    monkeypatch.setenv('MMUDA_PAIR', 'dslr-amazon')
    assert load_config(pair, {'pair': 'webcam-dslr'}).model == dict(a='webcam', b='dslr')


@pytest.mark.parametrize(
    'options, reason',
    [
        ({'student': 1}, r"'student' cannot be set by --cfg-options: 'student' is a variable of .*, made of settings"),
        ({'student.size': 1}, r"'student\.size' cannot be set by --cfg-options: 'student' is a variable of"),
        ({'size': 'large'}, r'--cfg-options size=large does not fit: it is 7 in the config: give a number'),
    ],
)
def test_a_variable_that_cannot_be_set(leaf, options, reason):
    with pytest.raises(UserError, match=reason):
        load_config(leaf, options)


def test_a_name_beside_others_cannot_be_set(pair):
    with pytest.raises(UserError, match=r"'source' cannot be set .* variable of .*pair\.py, one of several in one"):
        load_config(pair, {'source': 'amazon'})


def test_an_expression_that_breaks_on_a_variable(pair):
    with pytest.raises(UserError, match=r'ValueError.*: mend the file or the variables pair in --cfg-options'):
        load_config(pair, {'pair': 'amazon'})


@pytest.mark.parametrize('text', ['crop = (512, 512)', "note = 'the second run'", 'widths: list = [1, 2]'])
def test_a_helper_that_nobody_reads_is_allowed(write, text):
    assert load_config(write('helper.py', f'{text}\nmodel = dict(x=1)')).to_dict() == dict(model=dict(x=1))


@pytest.mark.parametrize('text', ["optimizer = dict(type='SGD')", 'lr = 0.1', 'seed = 3', "hooks = [dict(type='A')]"])
def test_what_was_meant_as_a_setting_is_no_helper(write, text):
    with pytest.raises(UserError, match=r'unknown config key .* no part of a run reads it'):
        load_config(write('meant.py', text))


def test_an_option_that_does_not_fit(leaf):
    with pytest.raises(UserError, match=r'--cfg-options model\.type\.x does not fit'):
        load_config(leaf, {'model.type.x': 1})


def test_stock_configs_are_read(write):
    path = write('stock.py', "_base_ = 'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'")
    cfg = load_config(path)
    assert cfg.model.backbone.type == 'MixVisionTransformer'


def test_a_config_of_ours_is_found_without_a_checkout(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = load_config('mmuda::stct/stct_segformer_toy.py', {'train_cfg.max_iters': 7})
    assert cfg.model.to_dict() == load_config(repo / 'configs/stct/stct_segformer_toy.py').model.to_dict()
    assert cfg.train_cfg.max_iters == 7
    with pytest.raises(UserError, match=r'gone\.py does not exist'):
        load_config('mmuda::stct/gone.py')
