# AdvEnt (Vu et al., CVPR 2019): a discriminator tells domains apart by the self-information of their predictions.
# With one auxiliary head, as in the paper: advent.terms.advent.auxiliary_loss_weight = 0.0002
# The paper steps the discriminator with Adam at 1e-4; under the network's optimizer its rate is a multiple of that:
#     optim_wrapper.paramwise_cfg.custom_keys = {'terms.advent': dict(lr_mult=0.4)}
advent = dict(
    terms=dict(advent=dict(type='mmuda.OutputAdversarial', maps='self_information', kind='vanilla', loss_weight=0.001))
)
