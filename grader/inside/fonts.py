"""Korean fonts that a notebook installs and this machine lacks: the plot is drawn in the default font.

`addfont('/usr/share/fonts/truetype/nanum/NanumGothic.ttf')` after `apt-get install fonts-nanum`, and the
`_rebuild()` that matplotlib had until 3.5, stand at the head of many notebooks; nothing of what they train
depends on it. A font file that is there is used. Called once by entry.py.
"""

import os

from . import imports, wire


def install():
    """Patch when matplotlib's fonts are imported."""
    imports.after("matplotlib.font_manager", _fonts)


def _fonts(module):
    add, choose = module.FontManager.addfont, module.FontProperties.set_file

    def addfont(self, path):
        if os.path.exists(os.fspath(path)):
            return add(self, path)
        wire.standin("the default font for %s" % os.path.basename(os.fspath(path)))
        return None

    def set_file(self, file):
        if file is not None and not os.path.exists(os.fspath(file)):
            wire.standin("the default font for %s" % os.path.basename(os.fspath(file)))
            file = module.fontManager.findfont("DejaVu Sans")
        return choose(self, file)

    for patched, original in ((addfont, add), (set_file, choose)):
        patched.__wrapped__, patched.__doc__ = original, original.__doc__
    module.FontManager.addfont, module.FontProperties.set_file = addfont, set_file
    if not hasattr(module, "_rebuild"):
        module._rebuild = lambda: None
