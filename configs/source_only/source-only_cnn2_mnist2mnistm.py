# Source only: CNN of two convolutions, MNIST -> MNIST-M, 4,000 iterations of 128 source images.
#     python tools/train.py configs/source_only/source-only_cnn2_mnist2mnistm.py
# Expected of a shorter run: see configs/dida/README.md
# Views, batches of the source and schedule are those of its twins in configs/dida.
_base_ = [
    '../_base_/models/cnn2_digits.py',  # the network
    '../_base_/datasets/mnist2mnistm_28_two-views.py',
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    backbone=dict(in_channels=3),
    head=dict(num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=128, dataset=dict(target=None))
