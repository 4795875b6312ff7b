# Office-Caltech-10: three of {amazon,caltech10,dslr,webcam} (labelled) -> the fourth (images only), 10 classes,
# 224x224, 16 images of each a batch, with a strong view of each target image.
# The target is one variable: MMUDA_TARGET=dslr python tools/train.py ... --work-dir ... (default webcam).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout: $MMUDA_DATA/office_caltech10/<domain>/<class>/*.jpg
_base_ = '../pipelines/two_views_224.py'
num_classes = 10
target_domain = '{{$MMUDA_TARGET:webcam}}'
domains = ['amazon', 'caltech10', 'dslr', 'webcam']
images = dict(type='mmuda.OfficeCaltech10', data_root='{{$MMUDA_DATA:data}}/office_caltech10')

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(16, 16, 16, 16), epoch='source'),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=[
            dict(images, data_prefix=dict(img_path=name), pipeline=_base_.one_view)
            for name in domains
            if name != target_domain
        ],
        target=dict(images, data_prefix=dict(img_path=target_domain), pipeline=_base_.two_views, labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, data_prefix=dict(img_path=target_domain), pipeline=_base_.plain_view),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
