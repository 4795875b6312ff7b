# dida_cnn2_digits.py with MixStyle after the first convolution (its norm, pooling and ReLU), for single sources.
_base_ = './dida_cnn2_digits.py'
mixstyle = True
after = dict(type='mmuda.MixStyle', p=0.5, alpha=0.1) if mixstyle else None
model = dict(backbone=dict(after={'stages.0': after}))
