"""Store what the first steps of a config's training pipelines make of each image and label map: workers then read it.

    python tools/prepare_data.py configs/stct/gta2cs.py --out data/prepared
    python tools/train.py configs/stct/gta2cs.py --cfg-options train_dataloader.dataset.prepared=data/prepared

These steps load and resize, and draw nothing: a training sees the same pixels. The files are not compressed; how much
they take is said before the first one is written. What is there is not made again, so an interrupted call goes on.
"""

import argparse
import os

from mmuda.apis import ToolParser, UserError, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of a training')
    parser.add_argument('--out', required=True, help='the folder to fill; several configs of one size may share it')
    parser.add_argument('--nproc', type=at_least(1), default=min(os.cpu_count() or 1, 16), help='processes')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmengine.registry import DefaultScope

    from mmuda.apis import check_data_roots, check_out_dir, load_config
    from mmuda.datasets.prepared import prepared_sets
    from mmuda.datasets.preparing import amount, check_space, prepare

    check_out_dir(args.out, '--out')
    cfg = load_config(args.config, args.cfg_options)
    check_data_roots(cfg, 'train')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        sets = prepared_sets(training_sets(cfg), args.out)
    amounts = [amount(one) for one in sets]
    for one, needs in zip(sets, amounts):
        print(f"{needs.images:,} images of '{one.images.originals}': {needs.bytes / 1e9:.1f} GB in '{args.out}'")
    check_space(args.out, sets, sum(needs.bytes for needs in amounts))
    errors = prepare(sets, args.nproc)
    if errors:
        raise UserError(errors[0] + (f' (and {len(errors) - 1} more samples)' if len(errors) > 1 else ''))
    print(f'Train with --cfg-options train_dataloader.dataset.prepared={args.out}')


def training_sets(cfg) -> list:
    """Build the data sets of both domains."""
    from mmuda.registry import DATASETS

    part = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    dataset = DATASETS.build(dict(part, prepared=None)) if 'source' in part else None
    if dataset is None:
        raise UserError(
            "the config has no train_dataloader.dataset=dict(type='mmuda.DomainDataset', source=..., target=...), "
            'which reads prepared files: give the config of a training'
        )
    return dataset.datasets


if __name__ == '__main__':
    run_tool(main)
