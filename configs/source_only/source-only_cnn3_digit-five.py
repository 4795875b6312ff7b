# Source only: CNN of three convolutions, Digit-Five, four sources, 30 epochs of 256 source images.
#     python tools/train.py configs/source_only/source-only_cnn3_digit-five.py
# Expected, from DIDA-Net's paper (Table IIIb, mean of five targets): 80.3 % accuracy. Not run here.
# The target: MMUDA_TARGET=svhn (mnist_m by default).
# Views, batches of the sources and schedule are those of its twins in configs/dida.
_base_ = [
    '../_base_/models/cnn3_digits.py',  # the network
    '../_base_/datasets/digit_five.py',
    '../_base_/schedules/sgd_30e_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=256, dataset=dict(target=None))
