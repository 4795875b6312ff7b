"""Stored labels train a model without a teacher; a sample without one is an error."""

import pytest
import torch
from torch.nn import functional as F

from mmuda.models.uda import UDAModel

pytest.importorskip('mmseg')


def test_the_loss_is_that_of_the_stored_labels(tiny_student, domain_batch):
    student = tiny_student(dropout_ratio=0)
    model = UDAModel(
        task='segmentation',
        student=student,
        labeller=dict(type='StoredLabels'),
        terms=dict(target=dict(type='PseudoLabelLoss')),
    ).eval()
    batch = domain_batch('stst')
    with pytest.raises(ValueError, match=r'StoredLabels finds no stored label of t1\.png: set train_dataloader'):
        model.loss(**model.data_preprocessor(batch, training=True))
    for sample in (x for x in batch['data_samples'] if x.domain == 'target'):
        sample.set_metainfo(dict(stored_label=True))
        sample.gt_sem_seg.data = torch.randint(0, 5, (1, 32, 32))
        sample.gt_sem_seg.data[0, :4] = 255
    data = model.data_preprocessor(batch, training=True)
    loss = model.loss(**data)['loss_target']
    label = torch.cat([sample.gt_sem_seg.data for sample in data['data_samples'][2:]])
    logits = F.interpolate(model.student(data['inputs'][2:]), (32, 32), mode='bilinear')
    torch.testing.assert_close(loss, F.cross_entropy(logits, label, ignore_index=255))
