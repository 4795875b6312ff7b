# As mnist-usps2mnistm_two-views.py at 28x28, with the views and for the small network of MNIST <-> USPS.
_base_ = './mnist2mnistm_28_two-views.py'
digits = dict(type='mmuda.Digits', data_root=_base_.data_root, channels=3, pipeline=_base_.one_view)

train_dataloader = dict(
    batch_size=192,
    sampler=dict(ratio=(64, 64, 64)),
    dataset=dict(
        source=[
            dict(digits, ann_file='mnist_t10k.npz', span=(0, 5000)),
            dict(digits, ann_file='usps.npz', image_key='x_train', label_key='y_train'),
        ],
    ),
)
