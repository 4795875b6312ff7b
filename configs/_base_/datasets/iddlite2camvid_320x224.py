# IDD-Lite train (labelled) -> CamVid by day, train (images only), scored on its val images; 320x224.
# The way back of camvid2iddlite_320x224.py: IDD-Lite's 7 classes and the same map of CamVid's.
# Layout: $MMUDA_DATA/camvid_day_dusk/day/{images,labels}/{train,val}, and, as published,
# $MMUDA_DATA/idd_lite/{leftImg8bit,gtFine}/train/<drive>/*
_base_ = './camvid2iddlite_320x224.py'
root = '{{$MMUDA_DATA:data}}'
camvid = dict(
    _delete_=True, type='mmuda.FolderSegmentation', data_root=f'{root}/camvid_day_dusk', class_map=_base_.class_map
)
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='mmuda.IDDLite',
            data_root=f'{root}/idd_lite',
            data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
            pipeline=_base_.train_pipeline,
        ),
        target=dict(data_prefix=dict(img_path='day/images/train'), pipeline=_base_.train_pipeline, **camvid),
    )
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='day/images/val', seg_map_path='day/labels/val'),
        pipeline=_base_.test_pipeline,
        **camvid,
    )
)
test_dataloader = val_dataloader
