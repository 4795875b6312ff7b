# Office-Home: one of {art,clipart,product,real} (labelled) -> another (images only), 65 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=product-real python tools/train.py ... --work-dir ... (default art-clipart).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/officehome/{Art,Clipart,Product,Real World}/<class>/*.jpg
data_root = '{{$MMUDA_DATA:data}}/officehome'
folders = dict(art='Art', clipart='Clipart', product='Product', real='Real World')
pair = '{{$MMUDA_PAIR:art-clipart}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'Alarm_Clock', 'Backpack', 'Batteries', 'Bed', 'Bike', 'Bottle', 'Bucket', 'Calculator', 'Calendar', 'Candles',
    'Chair', 'Clipboards', 'Computer', 'Couch', 'Curtains', 'Desk_Lamp', 'Drill', 'Eraser', 'Exit_Sign', 'Fan',
    'File_Cabinet', 'Flipflops', 'Flowers', 'Folder', 'Fork', 'Glasses', 'Hammer', 'Helmet', 'Kettle', 'Keyboard',
    'Knives', 'Lamp_Shade', 'Laptop', 'Marker', 'Monitor', 'Mop', 'Mouse', 'Mug', 'Notebook', 'Oven', 'Pan',
    'Paper_Clip', 'Pen', 'Pencil', 'Postit_Notes', 'Printer', 'Push_Pin', 'Radio', 'Refrigerator', 'Ruler', 'Scissors',
    'Screwdriver', 'Shelf', 'Sink', 'Sneakers', 'Soda', 'Speaker', 'Spoon', 'TV', 'Table', 'Telephone', 'ToothBrush',
    'Toys', 'Trash_Can', 'Webcam',
]
# fmt: on
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmpretrain.RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmpretrain.CenterCrop', crop_size=224),
    dict(type='mmpretrain.PackInputs'),
]
# tools/test.py --tta: ten crops an image, softmax scores summed, as in TransNorm's released code.
tta_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmuda.TenCrop', crop_size=224, transforms=[dict(type='mmpretrain.PackInputs')]),
]
tta_model = dict(type='mmuda.ScoreSumTTA')
source = dict(
    type='mmuda.FolderClassification',
    data_root=data_root,
    data_prefix=dict(img_path=folders[source_domain]),
    metainfo=dict(classes=classes),
    pipeline=train_pipeline,
)
target = dict(source, data_prefix=dict(img_path=folders[target_domain]))

train_dataloader = dict(
    batch_size=72,  # 36 source + 36 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(type='mmuda.DomainDataset', source=source, target=dict(target, labelled=False)),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, pipeline=test_pipeline),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
