# MNIST (10,000 labelled images) -> USPS (7,291 images without labels), scored on the 2,007 test images of USPS; 28x28.
# Layout: $MMUDA_DATA/digits/{mnist_t10k,usps}.npz
num_classes = 10
data_root = '{{$MMUDA_DATA:data}}/digits'
pipeline = [dict(type='Resize', scale=(28, 28)), dict(type='mmpretrain.PackInputs')]
digits = dict(type='mmuda.Digits', data_root=data_root, channels=1, pipeline=pipeline)
usps = dict(digits, ann_file='usps.npz', image_key='x_train', label_key='y_train')
usps_test = dict(digits, ann_file='usps.npz', image_key='x_test', label_key='y_test')

train_dataloader = dict(
    batch_size=64,  # 32 source + 32 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(digits, ann_file='mnist_t10k.npz'),
        target=dict(usps, labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(usps_test),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
