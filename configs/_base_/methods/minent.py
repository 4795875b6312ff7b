# MinEnt (Vu et al., ADVENT, CVPR 2019): the entropy of the target's predictions is a loss.
# With one auxiliary head, as in the paper: minent.terms.entropy.auxiliary_loss_weight = 0.0002
minent = dict(terms=dict(entropy=dict(type='mmuda.EntropyLoss', view='target', loss_weight=0.001)))
