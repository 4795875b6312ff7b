# Source only: DTN, MNIST -> MNIST-M, 4,000 iterations of 32 source images.
#     python tools/train.py configs/source_only/source-only_dtn_mnist2mnistm.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = [
    '../_base_/models/dtn_digits.py',  # the network
    '../_base_/datasets/mnist2mnistm.py',
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=32, dataset=dict(target=None))
