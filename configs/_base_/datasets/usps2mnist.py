# USPS (7,291 labelled images) -> MNIST (8,000 images without labels), scored on 2,000 other images of MNIST; 28x28.
# Layout: $MMUDA_DATA/digits/{mnist_t10k,usps}.npz
num_classes = 10
data_root = '{{$MMUDA_DATA:data}}/digits'
pipeline = [dict(type='Resize', scale=(28, 28)), dict(type='mmpretrain.PackInputs')]
digits = dict(type='mmuda.Digits', data_root=data_root, channels=1, pipeline=pipeline)
usps = dict(digits, ann_file='usps.npz', image_key='x_train', label_key='y_train')
mnist = dict(digits, ann_file='mnist_t10k.npz')

train_dataloader = dict(
    batch_size=64,  # 32 source + 32 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(usps),
        target=dict(mnist, span=(0, 8000), labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(mnist, span=(8000, 10000)),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
