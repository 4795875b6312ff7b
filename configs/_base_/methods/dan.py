# Deep adaptation (DAN, Long et al., ICML 2015): MMD with five kernels, summed with one weight as in the released code.
# Several layers, the paper's form: taps=['backbone', 'neck'], scores=True; its linear estimate: estimator='linear'.
# A network without a neck says so in its leaf: dan.update(taps=['backbone'])
dan = dict(
    terms=dict(
        dan=dict(type='mmuda.DAN', taps=['neck'], num_kernels=5, multiplier=2.0, reduction='sum', loss_weight=1.0)
    )
)
