# Office-Home: one of {art,clipart,product,real} (labelled) -> another (images only), 65 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=product-real python tools/train.py ... --work-dir ... (default art-clipart).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/officehome/{Art,Clipart,Product,Real World}/<class>/*.jpg
_base_ = './classification_224.py'
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
num_classes = len(classes)
images = dict(type='mmuda.FolderClassification', data_root=data_root, metainfo=dict(classes=classes))
source = dict(images, data_prefix=dict(img_path=folders[source_domain]))
target = dict(images, data_prefix=dict(img_path=folders[target_domain]))

train_dataloader = dict(num_workers=4, dataset=dict(source=source, target=target))
val_dataloader = dict(num_workers=4, dataset=target)
test_dataloader = val_dataloader
