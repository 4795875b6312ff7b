# SVHN (73,257 labelled images) -> MNIST (60,000 images without labels), scored on MNIST's 10,000 test images; 32x32.
# Layout: $MMUDA_DATA/digits/{svhn,mnist}.npz with x_train, y_train, x_test, y_test, which
# tools/dataset_converters/digits.py makes of the published files.
num_classes = 10
data_root = '{{$MMUDA_DATA:data}}/digits'
pipeline = [dict(type='Resize', scale=(32, 32)), dict(type='mmpretrain.PackInputs')]
digits = dict(type='mmuda.Digits', data_root=data_root, channels=3, pipeline=pipeline)
mnist = dict(digits, ann_file='mnist.npz')

train_dataloader = dict(
    batch_size=64,  # 32 source + 32 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(digits, ann_file='svhn.npz', image_key='x_train', label_key='y_train'),
        target=dict(mnist, image_key='x_train', labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(mnist, image_key='x_test', label_key='y_test'),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
