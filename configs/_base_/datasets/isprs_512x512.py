# ISPRS, towns from the air in near infrared, red and green: {potsdam,vaihingen} (labelled) -> the other (images only),
# 6 classes; crops of 512x512.
# The pair is one variable: MMUDA_PAIR=vaihingen-potsdam python tools/train.py ... (default potsdam-vaihingen).
# Layout: $MMUDA_DATA/isprs/<town>/{irrg,labels}/{train,test}/<tile>/*.png, from tools/dataset_converters/isprs.py
_base_ = './loveda_512x512.py'
num_classes = 6
pair = '{{$MMUDA_PAIR:potsdam-vaihingen}}'
source_town, target_town = pair.split('-')
images = dict(_delete_=True, type='mmuda.ISPRS', data_root='{{$MMUDA_DATA:data}}/isprs')
source = dict(
    images,
    data_prefix=dict(img_path=f'{source_town}/irrg/train', seg_map_path=f'{source_town}/labels/train'),
    pipeline=_base_.train_pipeline,
)
target = dict(images, data_prefix=dict(img_path=f'{target_town}/irrg/train'), pipeline=_base_.train_pipeline)
val = dict(
    images,
    data_prefix=dict(img_path=f'{target_town}/irrg/test', seg_map_path=f'{target_town}/labels/test'),
    pipeline=_base_.test_pipeline,
)

train_dataloader = dict(dataset=dict(source=source, target=target))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
