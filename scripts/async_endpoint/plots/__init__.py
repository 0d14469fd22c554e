"""Charts of cost and waiting time, as the text of SVG images (extra [plots]).

The same figures give the same text, byte for byte. Each image has a title and a description for readers of the screen, follows
the reader's light or dark scheme, and tells its series apart by shape or label too, not by colour alone.
"""

from async_endpoint.plots.costs import costs_svg
from async_endpoint.plots.front import FrontPoint, front_svg
from async_endpoint.plots.timeline import timeline_svg

__all__ = ["FrontPoint", "costs_svg", "front_svg", "timeline_svg"]
