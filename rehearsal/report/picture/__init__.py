"""The architecture of a stack as a picture: `draw` makes SVG of an evaluation.

Reading (graph, tiers, databases, services, reading -> parts) stands apart from drawing (canvas, pods, bands, stores,
legend, layout).
"""

from rehearsal.report.picture.layout import draw

__all__ = ["draw"]
