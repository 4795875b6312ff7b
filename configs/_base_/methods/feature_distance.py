# DAFormer's thing-class feature distance, with the thing classes of Cityscapes (train ids).
# It needs an encoder that starts from ImageNet weights.
feature_distance = dict(
    terms=dict(
        feature_distance=dict(
            type='mmuda.FeatureDistance',
            classes=[6, 7, 11, 12, 13, 14, 15, 16, 17, 18],
            min_ratio=0.75,
            loss_weight=0.005,
        )
    )
)
