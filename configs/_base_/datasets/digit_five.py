# Digit-Five: four of {mnist,mnist_m,svhn,syn,usps} (labelled) -> the fifth (images only), 10 classes, 32x32, 64 images
# of each a batch, with a strong view of each target image.
# The target is one variable: MMUDA_TARGET=svhn python tools/train.py ... --work-dir ... (default mnist_m).
# Of each set 25,000 training and 9,000 test images are drawn at random: MMUDA_DRAW=1 is another draw (default 0). USPS,
# which has fewer, is taken whole, its training part three times.
# Layout: $MMUDA_DATA/digit_five/<set>.npz with x_train, y_train, x_test, y_test, which
# tools/dataset_converters/digit_five.py makes of the published files.
_base_ = '../pipelines/two_views_digits_32.py'
num_classes = 10
target_domain = '{{$MMUDA_TARGET:mnist_m}}'
draw = int('{{$MMUDA_DRAW:0}}')
large = ['mnist', 'mnist_m', 'svhn', 'syn']
digits = dict(type='mmuda.Digits', data_root='{{$MMUDA_DATA:data}}/digit_five', channels=3, seed=draw)
train = dict(digits, image_key='x_train', label_key='y_train')
test = dict(digits, image_key='x_test', label_key='y_test', pipeline=_base_.one_view)
sources = [
    dict(train, ann_file=f'{name}.npz', sample=25000, pipeline=_base_.one_view)
    for name in large
    if name != target_domain
]
if target_domain == 'usps':
    target = dict(train, ann_file='usps.npz', pipeline=_base_.two_views, labelled=False)
    target_test = dict(test, ann_file='usps.npz')
else:
    target = dict(train, ann_file=f'{target_domain}.npz', sample=25000, pipeline=_base_.two_views, labelled=False)
    target_test = dict(test, ann_file=f'{target_domain}.npz', sample=9000)
    usps = dict(train, ann_file='usps.npz', pipeline=_base_.one_view)
    sources = [*sources, dict(type='RepeatDataset', times=3, dataset=usps)]

train_dataloader = dict(
    batch_size=320,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(64, 64, 64, 64, 64), epoch='source'),
    dataset=dict(type='mmuda.DomainDataset', source=sources, target=target),
)

val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=target_test,
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
