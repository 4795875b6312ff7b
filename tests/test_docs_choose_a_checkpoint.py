"""docs/choose_a_checkpoint.md: its table is that of the code, and its settings work."""

import re
from collections import deque

from mmuda.apis import load_config
from mmuda.apis.command_line import parse_option
from mmuda.apis.selection_tables import KEEP_ALL
from mmuda.engine.hooks import CheckpointHook
from mmuda.evaluation import LabelFreeMetric
from mmuda.registry import METRICS
from mmuda.scores import CRITERION_RULES


def test_the_table_names_every_criterion_and_its_rule(repo):
    text = (repo / 'docs/choose_a_checkpoint.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `([\w/]+)` \|.*\| (\w+) \|$', text, re.MULTILINE)
    assert {name.rpartition('/')[2]: rule for name, rule in rows} == CRITERION_RULES


def test_the_option_that_keeps_all_checkpoints(repo):
    """It is the one that the tool names; the page states the default and what comes of it."""
    text = (repo / 'docs/choose_a_checkpoint.md').read_text(encoding='utf-8')
    assert f'--cfg-options {KEEP_ALL}' in text
    leaf = repo / 'configs/stct/gta2cs.py'
    assert f'(`max_keep_ckpts={load_config(leaf).default_hooks.checkpoint.max_keep_ckpts}`)' in text
    hook = CheckpointHook(**load_config(leaf, dict([parse_option(KEEP_ALL)])).default_hooks.checkpoint)
    hook.keep_ckpt_ids = deque(range(10))
    assert hook._rotate(None, 10) == []
    assert hook.interval == 0.1  # ten a run


def test_the_settings(repo):
    """They build, and leaves of segmentation have the first one."""
    text = (repo / 'docs/choose_a_checkpoint.md').read_text(encoding='utf-8')
    settings: dict = {}
    for block in re.findall(r'```python\n(.*?)```', text, re.DOTALL):
        exec(block, settings)
    assert settings['val_evaluator'].pop('_delete_')
    assert isinstance(METRICS.build(settings['val_evaluator']), LabelFreeMetric)
    assert CheckpointHook(**settings['default_hooks']['checkpoint']).rules == ['greater']
    leaf = load_config(repo / 'configs/stct/gta2cs.py')
    assert leaf.default_hooks.checkpoint.save_best == settings['default_hooks']['checkpoint']['save_best']
