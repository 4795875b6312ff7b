# CIFAR-10, semi-supervised: 40 labelled images ("source") and all 50,000 without labels ("target"), scored on the test
# images; 32x32, 64 + 448 images a batch, with a strong view of each unlabelled image.
# MMUDA_PER_CLASS=25 (or 400) labels 250 (or 4,000) images; MMUDA_DRAW=1 is another draw of them (default 0).
# Layout: $MMUDA_DATA/cifar-10-batches-bin/*.bin, the published binary version.
num_classes = 10
per_class = int('{{$MMUDA_PER_CLASS:4}}')
draw = int('{{$MMUDA_DRAW:0}}')
size = 32
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='mmpretrain.PackInputs')
weak = [flip, dict(type='mmpretrain.RandomCrop', crop_size=size, padding=size // 8), pack]
strong = [flip, dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=size // 2)]
images = dict(type='mmuda.CIFAR10', data_root='{{$MMUDA_DATA:data}}/cifar-10-batches-bin')

train_dataloader = dict(
    batch_size=512,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 7)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(images, per_class=per_class, seed=draw, pipeline=weak),
        target=dict(images, pipeline=[dict(type='mmuda.TwoViews', weak=weak, strong=strong)], labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=500,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, split='test', pipeline=[pack]),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
