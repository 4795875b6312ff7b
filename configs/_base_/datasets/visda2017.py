# VisDA-2017: rendered objects (labelled) -> photographs (images only), 12 classes, 224x224.
# The pair is one variable as for other data, but the challenge has this one only: MMUDA_PAIR=train-validation.
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/visda2017/{train,validation}/<class>/*
_base_ = './classification_224.py'
data_root = '{{$MMUDA_DATA:data}}/visda2017'
pair = '{{$MMUDA_PAIR:train-validation}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'aeroplane', 'bicycle', 'bus', 'car', 'horse', 'knife', 'motorcycle', 'person', 'plant', 'skateboard', 'train',
    'truck',
]
# fmt: on
num_classes = len(classes)
images = dict(type='mmuda.FolderClassification', data_root=data_root, metainfo=dict(classes=classes))
source = dict(images, data_prefix=dict(img_path=source_domain))
target = dict(images, data_prefix=dict(img_path=target_domain))

train_dataloader = dict(num_workers=4, dataset=dict(source=source, target=target))
val_dataloader = dict(num_workers=4, dataset=target)
test_dataloader = val_dataloader
val_evaluator = dict(per_class=True)
test_evaluator = val_evaluator
