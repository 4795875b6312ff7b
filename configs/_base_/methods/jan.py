# Joint adaptation (JAN, Long et al., ICML 2017): joint MMD of the features and the predictions, with the kernels of the
# released code: five around the mean squared distance of the features, one of the bandwidth 1.68 on the softmax.
jan = dict(
    terms=dict(
        jan=dict(
            type='mmuda.JAN',
            taps=['neck'],
            num_kernels=[5, 1],
            bandwidths=[None, 1.68],
            multiplier=2.0,
            reduction='sum',
            loss_weight=1.0,
        )
    )
)
