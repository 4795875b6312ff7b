# FDA (Yang and Soatto, CVPR 2020): the source in the colours of the target, and a robust penalty of the entropy.
# The paper trains with beta 0.01, 0.05 and 0.09 and averages the three networks.
fda = dict(
    views=dict(source=dict(type='mmuda.FourierStyle', of='source', like='target', beta=0.01, window='corners')),
    terms=dict(
        entropy=dict(type='mmuda.EntropyLoss', view='target', power=2.0, resize=False, loss_weight=0.005),
    ),
)
