"""Five steps of DAFormer, HRDA and MIC against the released step, typed again in plain PyTorch and float64.

Random are the classes to paste, hidden blocks and detail boxes alone: no jitter, no blur, no dropout, no drop path.
"""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch.nn import functional as F

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.domain import VALID_MAP, DomainBatch
from mmuda.engine.hooks import MeanTeacherHook
from mmuda.models.uda import SelfTrainingUDA

STEPS, NUM_CLASSES = 5, 5
TOP, BOTTOM, THRESHOLD, DECAY = 4, 9, 0.5, 0.6
THINGS, DISTANCE_WEIGHT = [1, 3], 0.5
RATIO, BLOCK = 0.7, 16
DETAIL, STRIDE, DETAIL_WEIGHT = 64, 32, 0.1
LEARNING_RATE = 1e-3
BILINEAR = dict(mode='bilinear', align_corners=False)


class OneResolution:
    """DAFormer's network."""

    size = 64

    def learn(self, net, images):
        """Scores of a training pass, each with its weight and the part that it shows; the encoder's last features."""
        features = net.backbone(images)
        return [(1.0, self.scale_up(net.decode_head(features)), slice(None), slice(None))], features[-1]

    def label(self, net, images):
        """The teacher's scores."""
        return self.scale_up(net.decode_head(net.backbone(images)))

    def encoded(self, images):
        """What the features of the distance are of."""
        return images

    def scale_up(self, scores):
        return F.interpolate(scores, (self.size, self.size), **BILINEAR)


class TwoResolutions(OneResolution):
    """HRDA's: the whole image at half its size, and a part of it."""

    size = 128

    def encoded(self, images):
        return F.interpolate(images, scale_factor=0.5, **BILINEAR)

    def learn(self, net, images):
        top, left = ((torch.rand(2) * ((self.size - DETAIL + 1) // 8)).long() * 8).tolist()
        rows, columns = slice(top, top + DETAIL), slice(left, left + DETAIL)
        context, detail = net.backbone(self.encoded(images)), net.backbone(images[..., rows, columns])
        whole, part = net.decode_head.head(context), net.decode_head.head(detail)
        attention = net.decode_head.attention(context).sigmoid()
        inside = torch.zeros_like(attention)
        inside[..., top // 8 : (top + DETAIL) // 8, left // 8 : (left + DETAIL) // 8] = 1
        pasted = part.new_zeros(len(part), NUM_CLASSES, self.size // 4, self.size // 4)
        pasted[..., top // 4 : (top + DETAIL) // 4, left // 4 : (left + DETAIL) // 4] = part
        scores = self.scale_up(self.fused(attention * inside, pasted, whole))
        part = F.interpolate(part, (DETAIL, DETAIL), **BILINEAR)
        found = [(1 - DETAIL_WEIGHT, scores, slice(None), slice(None)), (DETAIL_WEIGHT, part, rows, columns)]
        return found, context[-1]

    def label(self, net, images):
        corners = [(top, left) for top in (0, 32, 64) for left in (0, 32, 64)]
        windows = torch.cat([images[..., top : top + DETAIL, left : left + DETAIL] for top, left in corners])
        context, detail = net.backbone(self.encoded(images)), net.backbone(windows)
        whole, parts = net.decode_head.head(context), net.decode_head.head(detail).chunk(9)
        total, count = torch.zeros(2, len(images), NUM_CLASSES, self.size // 4, self.size // 4).double()
        for part, (top, left) in zip(parts, corners):
            place = (..., slice(top // 4, (top + DETAIL) // 4), slice(left // 4, (left + DETAIL) // 4))
            total[place] += part
            count[place] += 1
        return self.scale_up(self.fused(net.decode_head.attention(context).sigmoid(), total / count, whole))

    def fused(self, attention, detail, context):
        sized = dict(size=detail.shape[-2:], **BILINEAR)
        return F.interpolate(attention, **sized) * detail + F.interpolate((1 - attention) * context, **sized)


class Released:
    """The step of the released codes on networks that only compute scores and features."""

    def __init__(self, network, student, initial_encoder, masked):
        self.network, self.student, self.teacher = network, student, deepcopy(student)
        self.initial_encoder, self.masked = initial_encoder, masked
        self.optimizer = torch.optim.AdamW(student.parameters(), lr=LEARNING_RATE)

    def step(self, number, source, label, target, valid):
        """One step; the backward passes add up."""
        self.move_teacher(number)
        self.optimizer.zero_grad()
        with torch.no_grad():
            confidence, pseudo = self.network.label(self.teacher, target).softmax(1).max(1)
        weight = torch.full_like(confidence, (confidence >= THRESHOLD).double().mean()) * valid
        pasted, hidden = self.draw(label)
        features = self.learn(source, label, torch.ones_like(weight), retain_graph=True)
        (DISTANCE_WEIGHT * self.distance(features, source, label)).backward()
        self.learn(
            torch.where(pasted[:, None], source, target),
            torch.where(pasted, label, pseudo),
            torch.where(pasted, 1.0, weight),
        )
        if self.masked:
            self.learn(target * ~hidden[:, None], pseudo, weight)
        self.optimizer.step()
        return weight

    def move_teacher(self, number):
        """At the beginning of a step; its buffers are its own."""
        alpha = min(1 - 1 / (number + 1), DECAY)
        with torch.no_grad():
            for mean, parameter in zip(self.teacher.parameters(), self.student.parameters()):
                mean.copy_(alpha * mean + (1 - alpha) * parameter)

    def draw(self, label):
        """Pixels of half of the batch's classes, drawn for each image; hidden blocks."""
        draw, classes = torch.rand(len(label), 256), label.unique()
        half = (len(classes) + 1) // 2
        chosen = [classes[row[classes].argsort(descending=True)[:half]] for row in draw]
        pasted = torch.stack([torch.isin(image, mine) for image, mine in zip(label, chosen)])
        torch.rand(2)  # whether to jitter and to blur
        if not self.masked:
            return pasted, None
        torch.rand(2)
        blocks = torch.rand(len(label), *[self.network.size // BLOCK] * 2) <= RATIO
        return pasted, blocks.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)

    def learn(self, images, label, weight, **options):
        """Add the gradients of a pass."""
        found, features = self.network.learn(self.student, images)
        loss = sum(
            share * (weight[:, rows, columns] * cross_entropy(scores, label[:, rows, columns])).mean()
            for share, scores, rows, columns in found
        )
        loss.backward(**options)
        return features

    def distance(self, features, source, label):
        """To the initial features, where three quarters of a patch are one thing."""
        classes = torch.where(label == 255, NUM_CLASSES, label)
        patch = self.network.size // features.shape[-1]
        share, most = F.avg_pool2d(F.one_hot(classes).permute(0, 3, 1, 2).double(), patch).max(1)
        place = (share >= 0.75) & torch.isin(most, torch.tensor(THINGS))
        with torch.no_grad():
            initial = self.initial_encoder(self.network.encoded(source))[-1]
        return (features - initial).norm(dim=1)[place].mean()


def cross_entropy(scores, label):
    """Of each pixel, 0 where it is ignored."""
    return F.cross_entropy(scores, label, reduction='none', ignore_index=255)


@pytest.fixture
def student(tiny_student, hrda_student):
    """DAFormer's head on a small encoder, or HRDA's two heads."""

    def make(network):
        if isinstance(network, TwoResolutions):
            cfg = hrda_student(detail_loss_weight=DETAIL_WEIGHT)
            return dict(cfg, detail_crop=(DETAIL, DETAIL), detail_stride=(STRIDE, STRIDE))
        cfg = tiny_student(dropout_ratio=0, embed_dims=8, dilations=(1, 2))
        cfg['backbone']['drop_path_rate'] = 0.0
        cfg['decode_head']['type'] = 'mmuda.DAFormerHead'
        return cfg

    return make


@pytest.fixture
def model(repo, student):
    """The method files with the numbers of this test."""

    def make(network, masked):
        daformer, mic = (
            Config.fromfile(repo / f'configs/_base_/methods/{name}.py')[name] for name in ('daformer', 'mic')
        )
        daformer.labeller.update(threshold=THRESHOLD)
        daformer.views.mixed.update(jitter_prob=0, blur_prob=0)
        mic.views.augmented.update(jitter_prob=0, blur_prob=0)
        mic.views.masked.update(ratio=RATIO, block=BLOCK)
        mic.labeller = daformer.labeller
        distance = dict(type='mmuda.FeatureDistance', classes=THINGS, loss_weight=DISTANCE_WEIGHT)
        methods = [daformer, dict(terms=dict(feature_distance=distance)), *[mic] * masked]
        found = SelfTrainingUDA(task='segmentation', student=student(network), methods=methods)
        found.init_weights()
        for parameter in found.student.backbone.parameters():  # as after some steps: a norm has no gradient at 0
            parameter.data += 0.05 * torch.randn_like(parameter)
        head = found.student.decode_head
        getattr(head, 'head', head).conv_seg.weight.data *= 30  # some scores are far apart
        found.teacher.load_state_dict(found.student.state_dict())
        return found.double()

    return make


def draw_scene(size):
    """Source images with labels in blocks, some of them ignored, and target images."""
    block = size // 4
    label = torch.randint(0, NUM_CLASSES, (2, 4, 4)).repeat_interleave(block, 1).repeat_interleave(block, 2)
    label[0, : size // 2, : size // 2] = THINGS[0]  # one place of a thing
    label[1, -block:, :block] = 255
    return torch.randn(2, 3, size, size).double(), label, torch.randn(2, 3, size, size).double()


def samples(label, valid):
    """Labelled source samples, and target samples with the margins that the loader marked."""
    found = [SegDataSample(gt_sem_seg=PixelData(data=image[None])) for image in label]
    for inside in valid:
        sample = SegDataSample(gt_sem_seg=PixelData(data=torch.full((1, *inside.shape), 255)))
        sample.set_field(PixelData(data=inside[None]), VALID_MAP)
        found.append(sample)
    return found


@pytest.mark.parametrize(
    'network, masked',
    [
        pytest.param(OneResolution(), False, id='daformer'),
        pytest.param(OneResolution(), True, id='daformer-mic', marks=pytest.mark.slow),
        pytest.param(TwoResolutions(), False, id='hrda', marks=pytest.mark.slow),
        pytest.param(TwoResolutions(), True, id='hrda-mic'),
    ],
)
def test_five_steps_are_the_released_ones(model, network, masked):
    model, size = model(network, masked), network.size
    initial = deepcopy(model.terms['feature_distance'].reference)
    released = Released(network, deepcopy(model.student).train(), initial, masked)
    optim_wrapper = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE))
    hook = MeanTeacherHook(momentum=1 - DECAY, keep_initial=True, copy_buffers=False)
    runner = SimpleNamespace(model=model, optim_wrapper=optim_wrapper, iter=0, max_iters=STEPS)
    hook.before_train(runner)
    valid = torch.zeros(2, size, size, dtype=torch.bool)
    valid[:, TOP : size - BOTTOM] = True
    valid[1, :, :7] = False
    for number in range(STEPS):
        source, label, target = draw_scene(size)
        model.train()
        torch.manual_seed(number)
        batch = torch.cat((source, target)), samples(label, valid)
        losses = model(*batch, mode='loss', layout=DomainBatch(2, 2))
        optim_wrapper.update_params(model.parse_losses(losses)[0])
        torch.manual_seed(number)
        weight = released.step(number, source, label, target, valid)
        assert 0 < weight.max() < 1  # some of the teacher's pixels are sure
        hook.after_train_iter(runner, number)
        assert own_statistics(model), number
    released.move_teacher(STEPS)
    for mine, theirs in ((model.student, released.student), (model.teacher, released.teacher)):
        assert_same_state(mine, theirs)
    weights = [next(net.decode_head.parameters()) for net in (model.teacher, model.student)]
    assert (weights[0] - weights[1]).abs().max() > 1e-4


def own_statistics(model):
    """Whether no running statistic of the teacher is the student's."""
    pairs = zip(model.teacher.named_buffers(), model.student.buffers(), strict=True)
    moved = [not torch.equal(mine, theirs) for (name, mine), theirs in pairs if 'running' in name]
    assert moved
    return all(moved)


def assert_same_state(mine, theirs):
    state = theirs.state_dict()
    for name, value in mine.state_dict().items():
        assert (value - state[name]).abs().max() <= 1e-5, name
