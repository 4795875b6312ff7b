# Photographs of one's own, 224x224: a folder for each domain, with a folder for each class in it. All is variables, so
# that a training needs no file of its own:
#     --cfg-options root=data/mine source=shop target=webcam 'classes=[mug,bike]'
# Of the target's images training reads no class; the scored ones (scored=..., by default the target's) lie by class.
_base_ = './classification_224.py'
root = '{{$MMUDA_DATA:data}}/mine'
source = 'source'
target = 'target'
scored = target
classes = ['mug', 'bike']
num_classes = len(classes)
images = dict(type='mmuda.FolderClassification', data_root=root, metainfo=dict(classes=classes))

train_dataloader = dict(
    dataset=dict(
        source=dict(images, data_prefix=dict(img_path=source)), target=dict(images, data_prefix=dict(img_path=target))
    )
)
val_dataloader = dict(dataset=dict(images, data_prefix=dict(img_path=scored)))
test_dataloader = val_dataloader
