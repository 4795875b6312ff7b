# Domain-adversarial training (DANN, Ganin et al., JMLR 2016), with the ramp of TransNorm's released code,
# 5,000 steps of 100,000, as a share of the training.
# A network of other width, or without a neck, says so in its leaf: dann.update(tap='backbone', in_channels=500)
dann = dict(terms=dict(dann=dict(type='mmuda.DANN', tap='neck', in_channels=256, ramp_steps=0.05, loss_weight=1.0)))
