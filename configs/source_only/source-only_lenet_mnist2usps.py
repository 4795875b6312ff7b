# Source only: LeNet with batch norm, MNIST -> USPS, 4,000 iterations of 32 source images.
#     python tools/train.py configs/source_only/source-only_lenet_mnist2usps.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps.py',
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=32, dataset=dict(target=None))
