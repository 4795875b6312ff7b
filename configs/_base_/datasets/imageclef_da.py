# ImageCLEF-DA: one of {i,c,p} (ImageNet, Caltech, Pascal; labelled) -> another (images only), 12 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=c-p python tools/train.py ... --work-dir ... (default i-p).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/imageclef_da/{i,c,p}/*, and list/{i,c,p}List.txt with lines such as `i/name.JPEG 0`
_base_ = './classification_224.py'
data_root = '{{$MMUDA_DATA:data}}/imageclef_da'
pair = '{{$MMUDA_PAIR:i-p}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'aeroplane', 'bike', 'bird', 'boat', 'bottle', 'bus', 'car', 'dog', 'horse', 'monitor', 'motorbike', 'people',
]
# fmt: on
num_classes = len(classes)
images = dict(type='mmuda.FolderClassification', data_root=data_root, metainfo=dict(classes=classes))
source = dict(images, ann_file=f'list/{source_domain}List.txt')
target = dict(images, ann_file=f'list/{target_domain}List.txt')

train_dataloader = dict(dataset=dict(source=source, target=target))
val_dataloader = dict(dataset=target)
test_dataloader = val_dataloader
