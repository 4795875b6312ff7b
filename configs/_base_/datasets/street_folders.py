# Street images of one's own: labelled ones of the source, images of the target, cut to 480x360. All is variables, so
# that a training needs no file of its own:
#     --cfg-options root=data/mine 'classes=[road,building,sky,car]' "crop_size=(512,1024)"
# Label files hold the place of a class in the list, or 255 for none; other ids, colours and lists: docs/datasets.md.
# Training reads no label of the target. A few labelled images to score on, where there are some:
#     scored=new_val/images scored_labels=new_val/labels
_base_ = './camvid_day2dusk_480x360.py'
root = '{{$MMUDA_DATA:data}}/mine'
source = 'old/images'
source_labels = 'old/labels'
target = 'new/images'
scored = target
scored_labels = None
classes = ['road', 'building', 'sky', 'car']
num_classes = len(classes)
images = dict(_delete_=True, type='mmuda.FolderSegmentation', data_root=root, metainfo=dict(classes=classes))
# Strong colours of the source are worth more than most methods: docs/benchmark.md.
colours = dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5))
source_pipeline = [*_base_.train_pipeline[:-1], colours, _base_.train_pipeline[-1]]
known = dict(img_path=source, seg_map_path=source_labels)

train_dataloader = dict(
    sampler=dict(min_pixels=_base_.crop_size[0] * _base_.crop_size[1] // 60),
    dataset=dict(
        source=dict(images, data_prefix=known, pipeline=source_pipeline),
        target=dict(images, data_prefix=dict(img_path=target), pipeline=_base_.train_pipeline),
    ),
)
val_dataloader = dict(
    dataset=dict(images, data_prefix=dict(img_path=scored, seg_map_path=scored_labels), pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmuda.LabelFreeMetric')
if scored_labels:
    val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
