"""Sentences that were written where nobody knows their reader, told in the reader's language.

What workers keep of a job, what the contract says of options that contradict each other, and what the darkroom finds a
file to be is English; here are the same sentences for the catalogues, and a test holds them to those.
"""

from __future__ import annotations

import re
from functools import cache

from app.translation import N_, _, together

# Values are put into braces, as `str.format` has them.
SENTENCES = (
    # worker/job/failures.py
    N_("The photo is not here any more. Upload it again."),
    N_("The stored photo cannot be read any more. Upload it again."),
    N_("A mask of the photo is not here any more. Make it again."),
    N_("A mask leaves nothing to paint at this size. Choose a larger size, or cover more with the mask."),
    N_("The artwork to start from is not here any more. Start from another one, or from the photo."),
    N_("The artwork whose strokes were to be kept is not here any more. Paint it again."),
    N_("The painting needs more memory than this server has. Choose a smaller size."),
    N_("The painting needs more memory than this server has. At {fitting} pixels it should fit."),
    N_("Something else on this server needs its memory, and still did after several tries. Try again later."),
    N_("The painting took longer than this server allows. Choose a smaller size."),
    N_("The painting fell apart on the way. Try it gentler, or with another painting."),
    N_("This server has no room left for the artwork. The photo is kept: try again later."),
    N_("Something went wrong on our side while painting. The photo is kept: try again in a moment."),
    N_("Your own painting was deleted before the photo was painted. Upload it again."),
    N_(
        "The painting was interrupted {times} without getting further ({happened}), so we stopped trying. "
        "Try once more, or choose a smaller size."
    ),
    N_("once"),
    N_("twice"),
    N_("{number} times"),
    N_("its process was ended"),
    N_("this server ran out of memory"),
    N_("it came to a standstill"),
    N_("the machine that painted it fell silent"),
    N_("what it is computed on failed"),
    N_("something else took the memory"),
    N_("The painting “{style}” does not hang here any more. Choose another one."),
    N_("“{title}” has no part “{part}”. Choose another part, or send its map again."),
    N_("“{title}” cannot be read on this server. Choose another painting."),
    # app/jobs/doodles.py; where a page sends the map, it is called a drawing
    N_(
        "The target map has too many colours: it should be drawn in a few plain ones, each of which means a part, "
        "and be no photo."
    ),
    N_(
        "The drawing has too many colours: it should be drawn in a few plain ones, each of which means a part, "
        "and be no photo."
    ),
    N_(
        "The map of your painting has too many colours: it should be drawn in a few plain ones, each of which means a "
        "part, and be no photo."
    ),
    N_(
        "The map of your painting has one colour only, so it tells no parts from each other. "
        "Draw each part in a colour of its own."
    ),
    N_("The photo and its map differ too much in shape: {one} and {other} pixels."),
    N_("Your painting and its map differ too much in shape: {one} and {other} pixels."),
    N_("Nothing is drawn in the target map."),
    N_("Nothing is drawn in the drawing."),
    N_(
        "No colour of the target map means a part of “{title}”; perhaps it is a map for another painting. "
        "Its parts are {parts}."
    ),
    N_(
        "No colour of the drawing means a part of “{title}”; perhaps it is a map for another painting. "
        "Its parts are {parts}."
    ),
    # app/jobs/options.py and app/jobs/models.py, as the page's form says them
    N_("Luminance can only be kept after painting; choose another color_method."),
    N_("At least one layer needs a weight above 0."),
    N_("{loss} compares {layers}, not {stranger}, which style_layers names."),
    N_("{extractor} has no {layer}, which {field} names; choose vgg19, or other layers."),
    N_("A colour needs the mask that it is in."),
    N_("Each style may be chosen once for one place; give it more weight instead."),
    N_("A mask belongs to one photo, so several are painted without any."),
    # app/reading/kinds.py
    N_("Save it as a JPEG, PNG, WebP or AVIF photo and choose that."),
    N_("a camera's raw file"),
    N_("Open it in the camera's program or a photo editor, save it as a JPEG and choose that."),
    N_("a video"),
    N_("Pause it at the moment that you like, take a picture of the screen and choose that."),
    N_("an SVG drawing"),
    N_("Open it in a browser or a drawing program, save it as a PNG and choose that."),
    N_("a web page"),
    N_("Open it, save the picture itself from there (not the page) and choose that."),
    N_("a HEIC photo"),
    N_("Send it as a JPEG; an iPhone takes JPEGs with Settings › Camera › Formats › Most Compatible."),
    N_("a JPEG XL photo"),
    N_("Save it as a JPEG, PNG, WebP or AVIF in a photo editor and choose that."),
    N_("a camera's raw file or a rare kind of TIFF"),
    N_("a PDF"),
    N_("a Photoshop file"),
    N_("a ZIP file or an office document"),
    N_("Take the photo out of it and choose that."),
    N_("an XML file or another text"),
)


def retold(sentence: str) -> str:
    """A sentence of those above in the language of whoever asked; any other as it is."""
    for template, pattern in patterns():
        if found := pattern.fullmatch(sentence):
            return _(template).format(**{name: told(name, value) for name, value in found.groupdict().items()})
    return sentence


def told(name: str, value: str) -> str:
    """A value of such a sentence; most are names and numbers, and stay as they are."""
    if name == "happened":
        return together(map(retold, value.split(" and ")))
    return retold(value) if name == "times" else value


@cache
def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences with what finds their values; those that have more of their own come first."""
    ordered = sorted(SENTENCES, key=lambda each: -len(re.sub(r"\{\w+\}", "", each)))
    return [(each, re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(each)))) for each in ordered]
