"""When ACDA aligns, and with which pseudo-labels (Neurocomputing 2022, Sec. 3.4 and Alg. 1).

First some steps on the source alone; then, every so often, spherical k-means of the target's features from the source's
class centres. Images near their centre keep its class as pseudo-label, and batches are drawn class by class.

The paper gives neither the number of steps nor anything of the clustering but "k-means": metric, stop, filters and the
training transforms are those of its released code, which are CAN's (Kang et al., CVPR 2019).
"""

from __future__ import annotations

import torch
from mmengine import dist
from mmengine.hooks import Hook
from torch import Tensor

from mmuda.functional import Clusters, centre_movement, class_centres, is_share, spherical_kmeans, steps_of
from mmuda.registry import DATASETS, HOOKS

from ..embedding import embed_training_images
from ..wrapping import unwrapped

KEY = 'clustering'


@HOOKS.register_module()
class ACDAHook(Hook):
    """Starts an alignment term and clusters the target for it.

    A clustering before step n stands between the steps, and the data loader begins anew behind it, so that no batch
    carries older labels. Labels, centres and the number of clusterings are in the checkpoint: a resume is exact. It
    needs a :class:`mmuda.ClassAwareSampler` and a loop that can seek, as :class:`mmuda.MeanTeacherRunner` has. For a
    term with ``condition='none'``, which wants no labels, nothing is clustered and nothing drawn by classes.

    Args:
        pretrain: Steps (or epochs) on the source alone, the term's ``start_step``; a float up to 1 is a share of the
            training.
        interval: Steps (or epochs) between two clusterings, or a share likewise.
        term: Name of the term in the model's ``terms``.
        tap: Name of the student's module whose outputs are clustered.
        by_epoch: Whether ``pretrain`` and ``interval`` are epochs, as the training loop counts them.
        distance: A target image this far from its centre, in (1 − cos) / 2, or farther has no label (None: all have).
        min_per_class: A class with fewer labels than this is not drawn.
        max_iters, tolerance: Of :func:`mmuda.functional.spherical_kmeans`.
        stop_change: The training ends when the movement of the centres since the last clustering, their distance to the
            source's and the share of labels that changed are all below this (None: never).
        labelled: Config of the target's images with labels, only to log the ``clustering accuracy``.
    """

    def __init__(
        self,
        pretrain: float,
        interval: float,
        term: str = 'acda',
        tap: str = 'neck',
        by_epoch: bool = False,
        distance: float | None = 0.05,
        min_per_class: int = 3,
        max_iters: int = 100,
        tolerance: float = 0.005,
        stop_change: float | None = None,
        labelled: dict | None = None,
    ) -> None:
        if pretrain < 0 or interval <= 0:
            raise ValueError(
                f'ACDAHook has pretrain={pretrain} and interval={interval}: they are 0 or more '
                'and 1 or more, or shares of the training.'
            )
        is_share(pretrain, 'ACDAHook.pretrain')
        is_share(interval, 'ACDAHook.interval')
        limits = dict(distance=distance, min_per_class=min_per_class, max_iters=max_iters, stop_change=stop_change)
        below = [f'{name}={value}' for name, value in limits.items() if value is not None and value <= 0]
        if below or tolerance < 0:
            raise ValueError(
                f'ACDAHook has {", ".join(below) or f"tolerance={tolerance}"}: tolerance is 0 or more, all others are '
                'above 0.'
            )
        self.pretrain, self.interval, self.by_epoch = pretrain, interval, by_epoch
        self.term, self.tap = term, tap
        self.distance, self.min_per_class = distance, min_per_class
        self.max_iters, self.tolerance, self.stop_change = max_iters, tolerance, stop_change
        self.labelled = labelled
        self.clusters: Clusters | None = None
        self.number = 0
        self._labels_wanted = True
        self.step = -1
        self.ended = False
        self._truth: Tensor | None = None

    # ---- when ----

    def before_train(self, runner) -> None:
        """Tell the term when it starts; cluster at once where that is due, or go on with the checkpoint's labels."""
        _check(runner, self.term, self.tap)
        loop = runner.train_loop
        unit = loop.epoch_length if self.by_epoch else 1
        self._start, self._period = (
            unit * steps_of(value, runner.max_iters // unit, name)
            for name, value in (('pretrain', self.pretrain), ('interval', self.interval))
        )
        term = unwrapped(runner.model).terms[self.term]
        term.start_step = self._start
        self._labels_wanted = getattr(term, 'condition', None) != 'none'
        if self.labelled is not None:
            self._truth = _true_classes(DATASETS.build(self.labelled), runner.train_dataloader.dataset)
        if self.clusters is not None:
            self._set_labels(runner)
            loop.seek(runner.iter)
        if self.ended:
            runner.logger.warning(
                f'The clusters had settled at step {self.step}, the last of this training: nothing is left to train; '
                'set stop_change=None of mmuda.ACDAHook to go on.'
            )
            loop.end_at(runner.iter)
        self._cluster_if_due(runner, runner.iter)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Cluster between this step and the next where that is due."""
        self._cluster_if_due(runner, runner.iter + 1)

    def _cluster_if_due(self, runner, step: int) -> None:
        since = step - self._start
        due = self._labels_wanted and since >= 0 and (since % self._period == 0 or self.number == 0)
        if due and self.step != step < runner.max_iters:
            self._cluster(runner, step)

    # ---- what ----

    def _cluster(self, runner, step: int) -> None:
        sampler = runner.train_dataloader.sampler
        count = len(sampler.source_label)
        features = embed_training_images(runner, self.tap, self.number)
        starts = class_centres(features[:count], torch.as_tensor(sampler.source_label), len(sampler.classes))
        found = spherical_kmeans(features[count:], starts, self.max_iters, self.tolerance)
        for tensor in (found.label, found.distance, found.centres):  # whatever the machines of the processes are
            dist.broadcast(tensor)
        self.ended = self._settled(found, starts)
        self.clusters, self.number, self.step = found, self.number + 1, step
        self._set_labels(runner)
        self._report(runner)
        if self.ended:
            runner.logger.info(f'The clusters have settled (stop_change={self.stop_change}): step {step} is the last.')
            runner.train_loop.end_at(step)
        else:
            runner.train_loop.seek(step)

    def _kept(self) -> Tensor:
        """Return the labels ``[N_t]``, −1 where an image is too far from its centre."""
        label, distance, *_ = self.clusters
        return label if self.distance is None else label.masked_fill(distance >= self.distance, -1)

    def _set_labels(self, runner) -> None:
        runner.train_dataloader.sampler.set_labels(self._kept(), self.min_per_class)

    def _settled(self, found: Clusters, starts: Tensor) -> bool:
        if self.stop_change is None or self.clusters is None:
            return False
        changes = (
            centre_movement(self.clusters.centres, found.centres),
            centre_movement(starts, found.centres),
            (self.clusters.label != found.label).float().mean(),
        )
        return all(bool(change < self.stop_change) for change in changes)

    def _report(self, runner) -> None:
        """Log one line, and the same as scalars."""
        kept, classes = self._kept() >= 0, runner.train_dataloader.sampler.classes
        drawn = runner.train_dataloader.sampler.eligible
        left = ', '.join(str(name) for number, name in enumerate(classes) if number not in drawn)
        scalars = dict(clustering_kept=kept.float().mean().item(), clustering_classes=len(drawn))
        text = (
            f'Clustering {self.number} at step {self.step}: {int(kept.sum())} of {len(kept)} target images are kept, '
            f'{len(drawn)} of {len(classes)} classes are drawn' + f' (not {left})' * bool(left)
        )
        if self._truth is not None:
            right = 100 * (self.clusters.label == self._truth).float()
            scalars['clustering_accuracy'] = right.mean().item()
            text += f', clustering accuracy {right.mean():.2f} (of kept images {right[kept].mean():.2f})'
        runner.logger.info(text + '.')
        for name, value in scalars.items():
            runner.message_hub.update_scalar(f'train/{name}', value)

    # ---- the checkpoint ----

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Store plain tensors and numbers."""
        if self.clusters is not None:
            checkpoint[KEY] = dict(self.clusters._asdict(), number=self.number, step=self.step, ended=self.ended)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Take the labels of a resumed run; ``load_from`` starts a run of its own."""
        if not runner._resume or KEY not in checkpoint:
            return
        state = dict(checkpoint[KEY])
        self.number, self.step, ended = (state.pop(name) for name in ('number', 'step', 'ended'))
        self.ended = ended and self.stop_change is not None
        self.clusters = Clusters(**{name: x.cpu() if isinstance(x, Tensor) else x for name, x in state.items()})


def _check(runner, name: str, tap: str) -> None:
    """Check everything that a clustering needs, before the first step rather than after the pre-training."""
    model = unwrapped(runner.model)
    if not hasattr(model, 'embed'):
        raise TypeError(f"ACDAHook needs a model of mmuda, but this is a {type(model).__name__}: use type='UDAModel'.")
    if name not in model.terms:
        raise ValueError(f'ACDAHook has term={name!r}, but the model has the terms {list(model.terms)}: name one.')
    if not hasattr(model.terms[name], 'start_step'):
        raise TypeError(
            f'ACDAHook has term={name!r}, but {type(model.terms[name]).__name__} has no start_step that it could set: '
            "name a term such as dict(type='ACDA', ...)."
        )
    modules = [module for module, _ in model.student.named_modules() if module]
    parent, _, index = tap.rpartition('.')  # 'backbone.1' is the output number 1 of a module
    if tap not in modules and not (index.isdigit() and parent in modules):
        raise ValueError(
            f'ACDAHook has tap={tap!r}, but {type(model.student).__name__} has no such module; it has '
            f'{", ".join(module for module in modules if "." not in module)} and parts of these.'
        )
    sampler = runner.train_dataloader.sampler
    if not hasattr(sampler, 'set_labels'):
        raise TypeError(
            f'ACDAHook gives its labels to the sampler, but a {type(sampler).__name__} takes none: set '
            "train_dataloader.sampler=dict(type='mmuda.ClassAwareSampler', ...)."
        )
    if not hasattr(runner.train_loop, 'seek'):
        raise TypeError(
            f'ACDAHook begins the data anew behind a clustering, which {type(runner.train_loop).__name__} cannot: use '
            "runner_type='mmuda.MeanTeacherRunner' and train_cfg=dict(type='IterBasedTrainLoop', ...)."
        )


def _true_classes(labelled, dataset) -> Tensor:
    """Return the classes ``[N_t]`` of the target's images, found by their paths."""
    infos = [labelled.get_data_info(i) for i in range(len(labelled))]
    classes = {info['img_path']: int(info['gt_label']) for info in infos}
    target = dataset.datasets[-1]
    paths = [target.get_data_info(i)['img_path'] for i in range(len(target))]
    missing = [path for path in paths if path not in classes]
    if missing:
        raise ValueError(
            f'ACDAHook.labelled lacks {len(missing)} of {len(paths)} target images, such as {missing[0]}: give the '
            "target's own data set, with labels."
        )
    return torch.tensor([classes[path] for path in paths])
