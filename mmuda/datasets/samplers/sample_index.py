"""What the samplers hand to the data set: an index that also says how to draw the sample."""


class SampleIndex(int):
    """An `int` that carries the sample's seed and what class it was picked for or is taken to be.

    Args:
        value: index into the data set.
        seed: the sample's own seed, or None: the process's random state is used.
        rare_class: class id that the crop should show, or None.
        rare_pixels: the image shows more pixels of that class than these.
        pseudo_label: class that clustering gave a target image, negative for none; or None: nothing was clustered.
    """

    def __new__(
        cls,
        value: int,
        seed: int | None = None,
        rare_class: int | None = None,
        pseudo_label: int | None = None,
        rare_pixels: int | None = None,
    ):
        index = super().__new__(cls, value)
        index.seed = seed
        index.rare_class = rare_class
        index.pseudo_label = pseudo_label
        index.rare_pixels = rare_pixels
        return index

    def __reduce__(self):
        return SampleIndex, (int(self), self.seed, self.rare_class, self.pseudo_label, self.rare_pixels)

    def __repr__(self) -> str:
        return (
            f'SampleIndex({int(self)}, seed={self.seed}, rare_class={self.rare_class}, '
            f'pseudo_label={self.pseudo_label})'
        )
