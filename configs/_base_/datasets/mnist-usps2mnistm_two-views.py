# {MNIST (5,000 labelled images), USPS (7,291)} -> MNIST-M (3,000 images without labels), scored on 1,001 others of
# MNIST-M; 32x32, 64 images of each a batch, with a strong view of each target image.
# MNIST-M shows the digits of MNIST in the same order, so the three spans must not meet.
# Layout: $MMUDA_DATA/digits/{mnist_t10k,usps,mnist_m_test9001}.npz
_base_ = ['./mnist2mnistm.py', '../pipelines/two_views_digits_32.py']
digits = dict(type='mmuda.Digits', data_root=_base_.data_root, channels=3, pipeline=_base_.one_view)

train_dataloader = dict(
    batch_size=192,
    num_workers=0,  # a worker's hand-over costs more than loading images of this size
    persistent_workers=False,
    sampler=dict(ratio=(64, 64, 64), epoch='source'),
    dataset=dict(
        source=[
            dict(digits, ann_file='mnist_t10k.npz', span=(0, 5000)),
            dict(digits, ann_file='usps.npz', image_key='x_train', label_key='y_train'),
        ],
        target=dict(pipeline=_base_.two_views),
    ),
)
