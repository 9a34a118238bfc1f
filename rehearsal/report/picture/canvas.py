"""SVG primitives: shapes and text that fits, in classes whose colours follow the reader's light or dark scheme."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

_FONTS: Final = "'Segoe UI','Helvetica Neue',Helvetica,Arial,'DejaVu Sans',sans-serif"

# Advance widths of DejaVu Sans in hundredths of an em: the widest of _FONTS, so what fits in it fits in all.
_WIDTHS: Final = {
    29: "ijlIJ'",
    36: " ,.·/:;|f-",
    41: "()[]tr!",
    52: '*_°sz"',
    60: "cLFkvxyPTYao?",
    64: "eESbdghnpqu$0123456789{}",
    70: "KAVBRXZC",
    79: "UHNDG&OQ",
    86: "w#+<=>^~M",
    100: "m%W@…",
}
_WIDTH_OF: Final = {character: width / 100 for width, characters in _WIDTHS.items() for character in characters}
_BOLD: Final = 1.14

_LIGHT: Final = {
    "paper": "#ffffff",
    "frame": "#f6f8fa",
    "box": "#ffffff",
    "ink": "#1f2328",
    "faint": "#59636e",
    "edge": "#afb8c1",
    "critical": "#cf222e",
    "important": "#bf8700",
    "deferrable": "#6e7781",
    "pooler": "#0969da",
    "direct": "#8250df",
    "traffic": "#1a7f37",
    "pool0": "#e9edf1",
    "pool1": "#dff5e5",
    "pool2": "#f3eaff",
    "pool3": "#fff4d6",
    "pool4": "#ddf0ff",
}
_DARK: Final = {
    "paper": "#0d1117",
    "frame": "#151b23",
    "box": "#0d1117",
    "ink": "#f0f6fc",
    "faint": "#9da7b3",
    "edge": "#4a535d",
    "critical": "#f85149",
    "important": "#d29922",
    "deferrable": "#8b949e",
    "pooler": "#4493f8",
    "direct": "#ab7df8",
    "traffic": "#3fb950",
    "pool0": "#262c34",
    "pool1": "#10301c",
    "pool2": "#2b1d47",
    "pool3": "#33270f",
    "pool4": "#12294a",
}


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of `text` in pixels at font size `size`: an upper bound, whichever of the fonts the reader has."""
    return sum(_WIDTH_OF.get(character, 0.7) for character in text) * size * (_BOLD if bold else 1)


def fitted(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1]
    return text.rstrip(" ·,") + "…"


class Canvas:
    """Collects elements from back to front. Coordinates are pixels of a picture `width` wide."""

    def __init__(self, width: float) -> None:
        self.width = width
        self._elements: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        edge: str = "edge",
        dashed: bool = False,
        radius: float = 6,
        kind: str = "",
    ) -> None:
        """A rectangle; `fill` and `edge` are colours by name, `kind` is what it stands for."""
        outline = f" s-{edge}" if edge else ""
        dash = " dashed" if dashed else ""
        label = f" data-kind={quoteattr(kind)}" if kind else ""
        self._add(
            f'<rect{label} class="f-{fill}{outline}{dash}" x="{_n(x)}" y="{_n(y)}" '
            f'width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        width: float,
        *,
        size: float = 11,
        bold: bool = False,
        colour: str = "ink",
        anchor: str = "start",
    ) -> None:
        """One line with its baseline at `y`, cut where it would be wider than `width`; then hovering shows it whole."""
        shown = fitted(text, width, size, bold=bold)
        whole = f"<title>{escape(text)}</title>" if shown != text else ""
        weight = " b" if bold else ""
        place = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self._add(
            f'<text class="f-{colour}{weight}" x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{place}>'
            f"{escape(shown)}{whole}</text>"
        )

    def words(self, x: float, y: float, head: str, more: str, width: float, *, size: float = 13) -> None:
        """A bold heading and, on the same line, what there is to say about it."""
        used = min(text_width(head, size, bold=True), width)
        self.text(x, y, head, width, size=size, bold=True)
        self.text(x + used + 12, y, more, width - used - 12, colour="faint")

    def line(self, points: Sequence[Point], colour: str, *, arrow: bool = False, thick: float = 1.6) -> None:
        """A line through `points`, with an arrowhead at its end if wanted."""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        head = f' marker-end="url(#to-{colour})"' if arrow else ""
        self._add(f'<polyline class="s-{colour} line" points="{path}" stroke-width="{_n(thick)}"{head}/>')

    def dot(self, x: float, y: float, colour: str) -> None:
        """Where a line begins or joins another."""
        self._add(f'<circle class="f-{colour}" cx="{_n(x)}" cy="{_n(y)}" r="2.6"/>')

    def square(self, x: float, y: float, side: float, colour: str, *, filled: bool) -> None:
        """A pod: filled where it always runs, an outline where it may come."""
        look = f"f-{colour}" if filled else f"hollow s-{colour}"
        self._add(f'<rect class="{look}" x="{_n(x)}" y="{_n(y)}" width="{_n(side)}" height="{_n(side)}" rx="1"/>')

    def volume(self, x: float, y: float, width: float, height: float, *, dashed: bool = False) -> None:
        """A cylinder."""
        lip, dash = 6.0, " dashed" if dashed else ""
        half, bottom = width / 2, height - 2 * lip
        self._add(
            f'<path class="f-box s-edge{dash}" d="M{_n(x)} {_n(y + lip)} a{_n(half)} {lip} 0 0 1 {_n(width)} 0 '
            f'v{_n(bottom)} a{_n(half)} {lip} 0 0 1 {_n(-width)} 0 z"/>'
            f'<path class="f-none s-edge{dash}" d="M{_n(x)} {_n(y + lip)} a{_n(half)} {lip} 0 0 0 {_n(width)} 0"/>'
        )

    def svg(self, height: float, title: str) -> str:
        """The whole picture as a document of its own."""
        size = f'width="{_n(self.width)}" height="{_n(height)}" viewBox="0 0 {_n(self.width)} {_n(height)}"'
        heads = "".join(
            f'<marker id="to-{colour}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto" markerUnits="userSpaceOnUse"><path class="f-{colour}" d="M0 0.5 8 4 0 7.5z"/></marker>'
            for colour in ("traffic", "pooler", "direct", "faint")
        )
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONTS}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_style()}</style>",
            f"<defs>{heads}</defs>",
            f'<rect class="f-paper s-edge" x="0.5" y="0.5" width="{_n(self.width - 1)}" height="{_n(height - 1)}" '
            'rx="10"/>',
            *self._elements,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _add(self, element: str) -> None:
        self._elements.append(element)


def _style() -> str:
    fixed = ".b{font-weight:600}.line,.hollow,.f-none{fill:none}.dashed{stroke-dasharray:5 3}"
    return f"{fixed}{_colours(_LIGHT)}@media (prefers-color-scheme:dark){{{_colours(_DARK)}}}"


def _colours(palette: dict[str, str]) -> str:
    return "".join(f".f-{name}{{fill:{value}}}.s-{name}{{stroke:{value}}}" for name, value in palette.items())


def _n(number: float) -> str:
    """A coordinate, short and the same on every machine."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
