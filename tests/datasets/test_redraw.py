"""Repeating the random part of a pipeline."""

from itertools import islice

from mmuda.datasets.redraw import redraws


class LoadNumbers:
    calls = 0

    def __call__(self, results):
        type(self).calls += 1
        return dict(results, values=[1, 2])


class Consume:
    def __call__(self, results):
        results['values'].pop()
        return results


class GiveUp:
    def __call__(self, results):
        return None


class Part:
    def __init__(self, *steps):
        self.pipeline = type('Pipeline', (), dict(transforms=list(steps)))

    def get_data_info(self, index):
        return dict(index=index)

    def __getitem__(self, index):
        return 'from the start'


def test_loading_happens_once_and_its_result_stays_whole():
    LoadNumbers.calls = 0
    drawn = list(islice(redraws(Part(LoadNumbers(), Consume()), 4), 3))
    assert drawn == [dict(index=4, values=[1])] * 3
    assert LoadNumbers.calls == 1


def test_what_is_resized_to_one_scale_is_kept_too():
    class Resize(LoadNumbers):
        pass

    LoadNumbers.calls = Resize.calls = 0
    assert list(islice(redraws(Part(LoadNumbers(), Resize(), Consume()), 4), 3)) == [dict(index=4, values=[1])] * 3
    assert (LoadNumbers.calls, Resize.calls) == (1, 1)


def test_prepared_files_are_mapped_again():
    class LoadPrepared(LoadNumbers):
        pass

    assert list(islice(redraws(Part(LoadPrepared(), Consume()), 4), 2)) == ['from the start'] * 2


def test_what_cannot_be_split_or_gives_up_starts_anew():
    assert list(islice(redraws(Part(Consume()), 0), 2)) == ['from the start'] * 2
    assert list(islice(redraws(Part(LoadNumbers(), GiveUp()), 0), 2)) == ['from the start'] * 2
