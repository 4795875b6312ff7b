"""Pictures of what a training sees: both domains as loaded and cropped, and each view that the config makes of them.

    python tools/analysis_tools/browse_dataset.py configs/dacs/dacs_segformer_toy.py --out views
    python tools/analysis_tools/browse_dataset.py CONFIG --checkpoint CHECKPOINT --batches 3 --out views

A picture a batch: a row a pair, source | its label | target | the image, the label and the weight of each view. They
are the first batches of a run with the config's seed. Labels that a network gives are those of a network as it starts,
unless there is a checkpoint.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import (
    ToolParser,
    UserError,
    at_least,
    check_config,
    check_data_roots,
    check_out_dir,
    load_config,
    read_state,
    run_tool,
)
from mmuda.apis.checkpoint import load_weights
from mmuda.apis.predictions import as_rgb
from mmuda.apis.timm_networks import without_timm_weights
from mmuda.domain import DOMAINS
from mmuda.registry import MODELS
from mmuda.storage import atomic_write
from mmuda.visualization import Panel, colorize, palette_of, views_figure
from mmuda.visualization.palette import VOID


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config of a training')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder of the pictures')
    parser.add_argument('--checkpoint', help='whose network labels the target (default: one as a training starts)')
    parser.add_argument('--batches', type=at_least(1), default=1, help='batches, a picture each (default: 1)')
    parser.add_argument('--rows', type=at_least(1), default=4, help='pairs of images of each batch (default: 4)')
    parser.add_argument('--dpi', type=at_least(1), default=150, help='pixels an inch; 13 inches wide (default: 150)')
    parser.add_cfg_options()
    return parser.parse_args()


class Browser:
    """Turns batches into rows of panels.

    Args:
        model: A model of two domains, or a plain network, of which nothing but loaded images is shown.
        meta: Of the data set: classes and palette.
    """

    def __init__(self, model: nn.Module, meta: Mapping[str, Any]) -> None:
        self.model = model
        self.classes = list(meta.get('classes') or ())
        self.palette = palette_of(meta, len(self.classes))
        self.labels = hasattr(model, 'views_of') and model.plan.labels
        self.shown: set[int] = set()  # values of the label maps

    def rows(self, batch: dict, count: int) -> list[list[Panel]]:
        """Return at most `count` rows of a batch of the training's loader."""
        columns = [self.loaded(batch, 'source'), self.loaded(batch, 'target'), *self.made(batch)]
        columns = [column for column in columns if column]
        longest = max(map(len, columns))
        return [[panel for column in columns for panel in column[i % len(column)]] for i in range(min(longest, count))]

    def loaded(self, batch: dict, domain: str) -> list[list[Panel]]:
        """Return what the pipeline gives of a domain, image by image; labels of the source alone."""
        found = []
        for image, sample in zip(batch['inputs'], batch['data_samples']):
            if sample.get('domain', 'source') == domain:
                label = _label_of(sample) if domain == 'source' else None
                found.append(self.panels(domain, as_rgb(image.numpy().transpose(1, 2, 0)), label))
        return found

    def made(self, batch: dict) -> Iterator[list[list[Panel]]]:
        """Yield a column of rows for each view that is not as it was loaded."""
        if not hasattr(self.model, 'views_of'):
            return
        with torch.no_grad():
            views, _, _ = self.model.views_of(**self.model.data_preprocessor(batch, training=True))
        made = {view for name in self.model.plan.makers for view in self.model.views[name].makes(name)}
        drawn = [views['source'].label] if 'source' in views else []
        for name, view in views.items():
            new = [None if any(x is known for known in drawn) else x for x in (view.label, view.weight)]
            drawn += new
            if name in made or any(x is not None for x in new):
                columns = (self.pictures(view.inputs) if name in made else None, *new)
                rows = zip(*(repeat(None, len(view)) if column is None else column for column in columns))
                yield [self.panels(f'{name}, changed' if name in DOMAINS else name, *row) for row in rows]

    def pictures(self, inputs: Tensor) -> list[np.ndarray]:
        """Turn normalised images ``[N, C, H, W]`` into RGB, uint8 ``[H, W, 3]`` each."""
        host = self.model.data_preprocessor.host
        plain = inputs * getattr(host, 'std', 1) + getattr(host, 'mean', 0)
        images = plain.clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
        in_rgb = getattr(host, 'channel_conversion', False) or getattr(host, 'to_rgb', False)
        return [as_rgb(image[..., ::-1] if in_rgb else image) for image in images]

    def panels(
        self, name: str, image: np.ndarray | None, label: Tensor | None, weight: Tensor | None = None
    ) -> list[Panel]:
        """Return an image with its label map and its weights beside it; a class and one weight stand in the title."""
        said = ''
        if label is not None and not label.dim():
            said += f': {self.classes[int(label)] if 0 <= int(label) < len(self.classes) else "no class"}'
        if weight is not None and not weight.dim():
            said += f', weight {float(weight):.2f}'
        found = [] if image is None else [Panel(name + said, image)]
        name = name.removesuffix(', changed')
        if label is not None and label.dim():
            self.shown.update(label.unique().tolist())
            found.append(Panel(f'{name}: label{said}', colorize(label.numpy(), self.palette)))
        if weight is not None and weight.dim():
            found.append(Panel(f'{name}: weight {float(weight.mean()):.2f}', weight.float().numpy()))
        return found

    def legend(self) -> dict[str, tuple[int, int, int]]:
        """Return names and colours of the classes that were drawn."""
        count = len(self.classes)
        ignored = {'ignored': VOID} if any(i >= count for i in self.shown) else {}
        return {self.classes[i]: self.palette[i] for i in sorted(self.shown) if i < count} | ignored


def _label_of(sample: Any) -> Tensor | None:
    """Return a label map ``[H, W]``, a class ``[]``, or None."""
    if 'gt_sem_seg' in sample:
        return sample.gt_sem_seg.data[0]
    return sample.gt_label[0] if 'gt_label' in sample else None


def build_model(cfg: Any, checkpoint: str | None) -> nn.Module:
    """Build the config's model in training, with a checkpoint's weights if there is one."""
    weights = read_state(checkpoint) if checkpoint else None
    without_timm_weights(cfg)
    model = MODELS.build(cfg.model)
    if weights is not None:
        load_weights(model, weights, checkpoint)
    elif hasattr(model, 'teacher'):
        model.teacher.load_state_dict(model.student.state_dict())
    return model.train()


def write_batches(cfg: Any, args: argparse.Namespace) -> list[Path]:
    """Write the pictures of the first batches."""
    model = build_model(cfg, args.checkpoint)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=cfg.randomness.get('seed'))
    browser = Browser(model, loader.dataset.metainfo)
    by = Path(args.checkpoint).name if args.checkpoint else 'a network that has learnt nothing yet'
    labels = f'; labels of the target by {by}' if browser.labels else ''
    paths = []
    args.out.mkdir(parents=True, exist_ok=True)
    for number, batch in enumerate(islice(loader, args.batches)):
        rows = browser.rows(batch, args.rows)
        figure = views_figure(rows, browser.legend(), f'Batch {number} of {Path(args.config).stem}{labels}')
        paths.append(args.out / f'batch_{number}.png')
        with atomic_write(paths[-1]) as file:
            figure.savefig(file, dpi=args.dpi, format='png')
    return paths


def main() -> None:
    args = parse_args()
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    check_out_dir(args.out, '--out')
    cfg = load_config(args.config, args.cfg_options)
    if not cfg.get('train_dataloader'):
        raise UserError(f'config {args.config} has no train_dataloader, and so nothing to look at: give one of a run')
    check_config(cfg, 'train')
    check_data_roots(cfg, 'train')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    torch.manual_seed(cfg.randomness.get('seed') or 0)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        paths = write_batches(cfg, args)
    print(f'{", ".join(map(str, paths))}')


if __name__ == '__main__':
    run_tool(main)
