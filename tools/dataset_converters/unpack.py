"""Data sets that need no conversion: take the files that count out of their archives, and count them.

    python tools/dataset_converters/unpack.py office31 --src domain_adaptation_images.tar.gz --out data/office31
    python tools/dataset_converters/unpack.py office31 --src data/office31

A folder that is already in its layout is only counted.
"""

from converting import run
from rules import Conversion, Rule, as_published, copied

DOMAINNET = 'clipart|infograph|painting|quickdraw|real|sketch'
PHOTOGRAPH = r'{stem:[^/]+\.(?:jpg|JPG|jpeg|JPEG|png|bmp)}'

SETS = {
    'acdc': Conversion(
        rules=(
            as_published('rgb_anon/{condition:fog|night|rain|snow}/{split:train|val|test}/{drive}/{stem}_rgb_anon.png'),
            as_published('gt/{condition:fog|night|rain|snow}/{split:train|val}/{drive}/{stem}_gt_labelTrainIds.png'),
        ),
        published={
            'rgb_anon/*/train/*/*': 1600,
            'rgb_anon/*/val/*/*': 406,
            'rgb_anon/*/test/*/*': 2000,
            'gt/*/train/*/*': 1600,
            'gt/*/val/*/*': 406,
        },
    ),
    'bdd100k': Conversion(
        rules=(
            as_published('images/10k/{split:train|val|test}/{stem}.jpg'),
            as_published('labels/sem_seg/masks/{split:train|val}/{stem}.png'),
        ),
        published={
            'images/10k/train/*': 7000,
            'images/10k/val/*': 1000,
            'images/10k/test/*': 2000,
            'labels/sem_seg/masks/train/*': 7000,
            'labels/sem_seg/masks/val/*': 1000,
        },
    ),
    'cifar10': Conversion(
        rules=(Rule('cifar-10-batches-bin/{name:data_batch_[1-5]|test_batch}.bin', '{name}.bin', copied),),
        published={'data_batch_*.bin': 5, 'test_batch.bin': 1},
    ),
    'dark_zurich': Conversion(
        rules=(
            as_published('rgb_anon/{split:train|val}/{time:night|twilight|day}/{drive}/{stem}_rgb_anon.png'),
            as_published('gt/val/night/{drive}/{stem}_gt_labelTrainIds.png'),
        ),
        published={'rgb_anon/train/night/*/*': 2416, 'rgb_anon/val/night/*/*': 50, 'gt/val/night/*/*': 50},
    ),
    'domainnet': Conversion(
        rules=(
            as_published(f'{{domain:{DOMAINNET}}}/{{class}}/{PHOTOGRAPH}'),
            Rule(f'{{domain:{DOMAINNET}}}_{{part:train|test}}.txt', 'splits/{domain}_{part}.txt', copied),
        ),
        published={'splits/*_train.txt': 6, 'splits/*_test.txt': 6},
    ),
    'idd_lite': Conversion(
        rules=(
            as_published('leftImg8bit/{split:train|val|test}/{drive}/{stem}_image.jpg'),
            as_published('gtFine/{split:train|val}/{drive}/{stem:[^/]+(?<!_inst)}_label.png'),
        ),
    ),
    'imageclef_da': Conversion(
        rules=(as_published(f'{{domain:i|c|p}}/{PHOTOGRAPH}'), as_published('list/{domain:i|c|p}List.txt')),
        published={'i/*': 600, 'c/*': 600, 'p/*': 600, 'list/*List.txt': 3},
    ),
    'loveda': Conversion(
        rules=(
            as_published('{split:Train|Val}/{area:Rural|Urban}/{kind:images_png|masks_png}/{stem}.png'),
            as_published('Test/{area:Rural|Urban}/images_png/{stem}.png'),
        ),
        published={
            'Train/Rural/images_png/*': 1366,
            'Train/Urban/images_png/*': 1156,
            'Val/Rural/images_png/*': 992,
            'Val/Urban/images_png/*': 677,
            'Test/*/images_png/*': 1796,
        },
    ),
    'mapillary': Conversion(
        rules=(
            as_published('{split:training|validation|testing}/images/{stem}.jpg'),
            as_published('{split:training|validation}/v1.2/labels/{stem}.png'),
            Rule('{split:training|validation}/labels/{stem}.png', '{split}/v1.2/labels/{stem}.png', copied),
        ),
        published={
            'training/images/*': 18000,
            'training/v1.2/labels/*': 18000,
            'validation/images/*': 2000,
            'validation/v1.2/labels/*': 2000,
        },
    ),
    'office31': Conversion(
        rules=(as_published(f'{{domain:amazon|dslr|webcam}}/images/{{class}}/{PHOTOGRAPH}'),),
        published={'amazon/images/*/*': 2817, 'dslr/images/*/*': 498, 'webcam/images/*/*': 795},
    ),
    'officehome': Conversion(
        rules=(as_published(f'{{domain:Art|Clipart|Product|Real World}}/{{class}}/{PHOTOGRAPH}'),),
        published={'Art/*/*': 2427, 'Clipart/*/*': 4365, 'Product/*/*': 4439, 'Real World/*/*': 4357},
    ),
    'pacs': Conversion(
        rules=(
            Rule(
                f'{{top:images|kfold}}/{{domain:art_painting|cartoon|photo|sketch}}/{{class}}/{PHOTOGRAPH}',
                'images/{domain}/{class}/{stem}',
                copied,
            ),
            Rule('{domain}_{part:train|crossval|test}_kfold.txt', 'splits/{domain}_{part}_kfold.txt', copied),
        ),
        published={
            'images/art_painting/*/*': 2048,
            'images/cartoon/*/*': 2344,
            'images/photo/*/*': 1670,
            'images/sketch/*/*': 3929,
            'splits/*_train_kfold.txt': 4,
            'splits/*_test_kfold.txt': 4,
        },
    ),
    'visda2017': Conversion(
        rules=(as_published(f'{{split:train|validation}}/{{class}}/{PHOTOGRAPH}'),),
        published={'train/*/*': 152397, 'validation/*/*': 55388},
    ),
}

if __name__ == '__main__':
    run(__doc__, SETS)
