# ACDA's pseudo-labels and its batches by class: some steps of source only, then k-means every so often, for a ResNet
# with a bottleneck on Office-31. Released code: target images farther than 0.05 from their centre have no label (1.0,
# none, for some pairs of domains), and a class with fewer than 3 labelled images is not drawn.
# Without labels, clusterings and batches by class: acda.condition = 'none'.
# How many pseudo-labels are right: hook.labelled = _base_.target in a leaf of photographs; it reads these labels for
# the log alone.
acda_clustering = dict(
    labeller=dict(type='mmuda.ClusterLabels'),  # of the model: its target has the clusters' classes
    hook=dict(
        type='mmuda.ACDAHook',
        term='acda',
        tap='backbone',  # its last stage, averaged, as in the released code: the distance is one of these features
        pretrain=1 / 6,  # shares of the training: of 6,000 steps the first 1,000, then every 100
        interval=1 / 60,
        distance=0.05,
        min_per_class=3,
    ),
    sampler=dict(type='mmuda.ClassAwareSampler', ratio=(30, 30), per_class=3),
)
