# AdaptSegNet (Tsai et al., CVPR 2018): a discriminator tells domains apart by the softmax of their predictions.
# Multi-level, as in the paper, with one auxiliary head: adaptsegnet.terms.adversarial.auxiliary_loss_weight = 0.0002
# Least squares, as its README: adaptsegnet.terms.adversarial.update(kind='least_squares', loss_weight=0.01)
adaptsegnet = dict(
    terms=dict(adversarial=dict(type='mmuda.OutputAdversarial', maps='softmax', kind='vanilla', loss_weight=0.001))
)
