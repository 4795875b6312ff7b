"""How good are the labels that a network gives the target: per class, and of those that it is sure of.

    python tools/analysis_tools/pseudo_labels.py CONFIG CHECKPOINT --norm batch --threshold 0.968

The scored images of the config are labelled as `TeacherLabels` would label them, and compared with their truth: to find
out why a method does not win, never to choose anything for a training, which has no labels of the target.

Prints a Markdown table, in %. Recall: of the pixels of a class, how many get its label; precision: of the pixels with
its label, how many are of the class. The last two columns count only pixels whose highest probability reaches the
threshold.
"""

import argparse
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, DefaultScope
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, check_config, check_data_roots, fraction, load_config, run_tool
from mmuda.apis.inferencer import build_network
from mmuda.apis.tables import markdown
from mmuda.models.layers import inference_pass


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Precision and recall of pseudo-labels')
    parser.add_argument('config', help='config of a segmentation with labelled test images')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_predict_on()
    parser.add_argument(
        '--norm', choices=['running', 'batch'], default='batch', help='statistics of its batch norms (default: batch)'
    )
    parser.add_argument('--threshold', type=fraction, default=0.968, help='of being sure (default: 0.968)')
    parser.add_argument('--batch-size', type=at_least(1), default=4, help='images a batch (default: 4)')
    parser.add_cfg_options()
    return parser.parse_args()


def confusions(net: nn.Module, batches: Iterable[list], threshold: float) -> tuple[Tensor, Tensor]:
    """Count pixels by true class and label `[C, C]`: all that have a true class, and those that the network is sure of.

    Rows and columns that the data preprocessor has added are left out.

    Args:
        net: An mmseg segmentor; batches are what its data preprocessor takes.
        batches: Lists of samples of equal size.
        threshold: The least highest probability of a sure pixel.
    """
    count = net.decode_head.num_classes
    every, sure = (torch.zeros(count, count, dtype=torch.long) for _ in range(2))
    for samples in batches:
        batch = net.data_preprocessor(pseudo_collate(samples))
        metas = [sample.metainfo for sample in batch['data_samples']]
        for logits, meta, sample in zip(net.encode_decode(batch['inputs'], metas), metas, samples):
            truth = sample['data_samples'].gt_sem_seg.data[0].long()
            left, right, top, bottom = meta.get('img_padding_size', (0, 0, 0, 0))
            logits = logits[:, top : logits.shape[1] - bottom, left : logits.shape[2] - right]
            scores = F.interpolate(logits[None], truth.shape, mode='bilinear', align_corners=False)[0].softmax(0)
            confidence, label = (values.cpu() for values in scores.max(0))
            for table, kept in ((every, truth < count), (sure, (truth < count) & (confidence >= threshold))):
                table += torch.bincount(truth[kept] * count + label[kept], minlength=count**2).reshape(count, count)
    return every, sure


def table(every: Tensor, sure: Tensor, classes: list[str]) -> str:
    """Return recall, precision and IoU of each class, then both of the sure pixels; the last row is of all classes."""
    lines = [['', 'pixels', 'recall', 'precision', 'IoU', 'sure: recall', 'sure: precision']]
    hits, true, given = every.diag(), every.sum(1), every.sum(0)
    sure_hits, sure_given = sure.diag(), sure.sum(0)
    for i, name in enumerate(classes):
        shares = [
            (true[i], true.sum()),
            (hits[i], true[i]),
            (hits[i], given[i]),
            (hits[i], true[i] + given[i] - hits[i]),
            (sure_hits[i], true[i]),
            (sure_hits[i], sure_given[i]),
        ]
        lines.append([name, *[_percent(*share) for share in shares]])
    right = _percent(hits.sum(), true.sum())
    lines.append(
        ['all', '100.0', right, right, '', _percent(sure.sum(), true.sum()), _percent(sure_hits.sum(), sure.sum())]
    )
    return markdown(lines)


def _percent(part: Tensor, whole: Tensor) -> str:
    return f'{100 * int(part) / int(whole):.1f}' if whole else '–'


def main() -> None:
    args = parse_args()
    compat.apply()
    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg, 'test')
    check_data_roots(cfg, 'test')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        model = build_network(cfg, args.checkpoint, args.predict_on)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    net = getattr(model, args.predict_on) if hasattr(model, 'student') else model
    if not hasattr(net, 'encode_decode'):
        raise UserError(f'{args.config} has a {type(net).__name__}, which labels no pixels: give one of mmseg')
    starts = range(0, len(dataset), args.batch_size)
    chunks = (range(start, min(start + args.batch_size, len(dataset))) for start in starts)
    batches = ([dataset[i] for i in chunk] for chunk in chunks)
    with torch.no_grad(), inference_pass(net, args.norm):
        every, sure = confusions(net, batches, args.threshold)
    print(table(every, sure, list(dataset.metainfo['classes'])))


if __name__ == '__main__':
    run_tool(main)
