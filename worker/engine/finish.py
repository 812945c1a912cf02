"""From the canvas to the picture that is shown: its colours, what of the photo is put back, its size."""

from __future__ import annotations

from PIL import Image

from worker.engine.color import ColorSpace, mixed, with_colors_of
from worker.engine.images import fitted_size, to_image, to_tensor
from worker.engine.masks import soft_mask
from worker.engine.options import PaintOptions
from worker.engine.scene import Scene

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


class Finish:
    """The last touches to a canvas of a scene.

    `motif` is what is to be painted: the photo, or the photo in the painting's colours where the photo's are to be kept
    from `before` on.
    """

    def __init__(self, scene: Scene, options: PaintOptions) -> None:
        """Prepare the touches.

        Raises:
            ValueError: colours are to be kept from before on, and a style has no palette.
        """
        self.scene = scene
        self.options = options
        self.space: ColorSpace | None = None
        if options.keep_colors and options.color_when == "before":
            palette = scene.palette
            if palette is None:
                raise ValueError("color_when is before, but a style's palette is not known; choose after")
            self.space = ColorSpace.between(scene.photo, palette, options.color_method)
        self.motif = self.space.to_painting(scene.photo) if self.space else scene.photo

    def __call__(self, canvas: Image.Image) -> Image.Image:
        """The finished picture, at the size that was asked for."""
        picture = self.preview(canvas)
        if self.options.output_size is None:
            return picture
        size = fitted_size(self.scene.photo.size, self.options.output_size)
        return picture.resize(size, FILTERS[self.options.resample])

    def preview(self, canvas: Image.Image) -> Image.Image:
        """The same at the canvas's own size."""
        picture = self._colored(canvas)
        if self.scene.keep is None:
            return picture
        keep = soft_mask(self.scene.keep, canvas.size, self.options.feather)
        photo = to_tensor(self.scene.photo, canvas.size)
        return to_image(keep * photo + (1 - keep) * to_tensor(picture))

    def _colored(self, canvas: Image.Image) -> Image.Image:
        options = self.options
        if not options.keep_colors:
            return canvas
        asked = (options.keep_colors, self.scene.color_mask, options.feather)
        if self.space:
            return mixed(canvas, self.space.to_photo(canvas), *asked)
        return with_colors_of(canvas, self.scene.photo, options.color_method, *asked)
