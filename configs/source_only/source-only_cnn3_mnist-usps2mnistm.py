# Source only: CNN of three convolutions, {MNIST, USPS} -> MNIST-M, 4,000 iterations of 64 + 64 source images.
#     python tools/train.py configs/source_only/source-only_cnn3_mnist-usps2mnistm.py
# Expected: not measured here yet.
# Views, batches of the source and schedule are those of its twins in configs/dida.
_base_ = [
    '../_base_/models/cnn3_digits.py',  # the network
    '../_base_/datasets/mnist-usps2mnistm_two-views.py',
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=128, dataset=dict(target=None))
