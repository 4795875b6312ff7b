# MNIST (5,000 labelled images) -> MNIST-M (3,000 images without labels), scored on 1,001 others of MNIST-M; 32x32.
# MNIST-M shows the digits of MNIST in the same order, so the three spans must not meet.
# Layout: $MMUDA_DATA/digits/{mnist_t10k,mnist_m_test9001}.npz
num_classes = 10
data_root = '{{$MMUDA_DATA:data}}/digits'
pipeline = [dict(type='Resize', scale=(32, 32)), dict(type='mmpretrain.PackInputs')]
digits = dict(type='mmuda.Digits', data_root=data_root, channels=3, pipeline=pipeline)
mnist_m = dict(digits, ann_file='mnist_m_test9001.npz')

train_dataloader = dict(
    batch_size=64,  # 32 source + 32 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(digits, ann_file='mnist_t10k.npz', span=(0, 5000)),
        target=dict(mnist_m, span=(5000, 8000), labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(mnist_m, span=(8000, 9001)),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
