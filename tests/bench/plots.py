"""Bars as SVG, by hand: nothing has to be installed, and a change shows in a diff."""

import math
from xml.sax.saxutils import escape

LABEL, WIDTH, ROW, HEAD = 220, 560, 18, 54  # of the labels, the bars, one bar, the title
COLOURS = {"walkit": "#1f6f5c", "floor": "#9aa3ab", "peer": "#c98a3d"}


def colour(name):
    kinds = [kind for kind in ("walkit", "floor") if name.startswith(kind)]
    return COLOURS[kinds[0] if kinds else "peer"]


class Scale:
    """Ratios to places. A logarithm where they are far apart."""

    def __init__(self, values):
        least, most = min(values), max(*values, 1.0)
        self.logarithmic = most / least > 30
        self.least = 10 ** math.floor(math.log10(min(least, 0.9))) if self.logarithmic else 0.0
        self.most = most * 1.05

    def x(self, value):
        if not self.logarithmic:
            return LABEL + WIDTH * value / self.most
        span = math.log10(self.most / self.least)
        return LABEL + WIDTH * max(0.0, math.log10(value / self.least)) / span

    def ticks(self):
        if self.logarithmic:
            power = round(math.log10(self.least))
            while 10.0 ** power <= self.most:
                yield 10.0 ** power
                power += 1
            return
        step = 10 ** math.floor(math.log10(self.most))
        step /= 4 if self.most / step < 2 else 2 if self.most / step < 5 else 1
        for n in range(int(self.most / step) + 1):
            yield n * step


def text(x, y, what, size=11, anchor="start", weight="normal"):
    return ('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" font-weight="%s" '
            'paint-order="stroke" stroke="#ffffff" stroke-width="3">%s</text>' %
            (x, y, size, anchor, weight, escape(what)))


def line(x1, y1, x2, y2, stroke, dash=""):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>' % (
        x1, y1, x2, y2, stroke, ' stroke-dasharray="%s"' % dash if dash else "")


def bar(scale, y, name, ratio):
    begin, end = scale.x(scale.least), scale.x(ratio.median)
    yield text(LABEL - 6, y + 13, name, anchor="end")
    yield '<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (
        begin, y + 3, max(end - begin, 1.0), ROW - 6, colour(name))
    place = end
    if ratio.interval:
        low, high = (scale.x(value) for value in ratio.interval)
        place = max(end, high)
        yield line(low, y + ROW / 2, high, y + ROW / 2, "#111111")
        for x in (low, high):
            yield line(x, y + 5, x, y + ROW - 5, "#111111")
    yield text(place + 5, y + 13, "%.3g" % ratio.median, size=10)


def bars(title, note, groups):
    """groups: (heading, [(name, Ratio)])."""
    scale = Scale([value for _, rows in groups for _, ratio in rows
                   for value in (ratio.median, *(ratio.interval or ()))])
    height = HEAD + sum(26 + ROW * len(rows) for _, rows in groups) + 30
    width = LABEL + WIDTH + 60
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
           'font-family="sans-serif" fill="#111111">' % (width, height, width, height),
           '<rect width="%d" height="%d" fill="#ffffff"/>' % (width, height),
           text(12, 22, title, 15, weight="bold"), text(12, 40, note)]
    for tick in scale.ticks():
        out.append(line(scale.x(tick), HEAD, scale.x(tick), height - 24, "#dddddd"))
        out.append(text(scale.x(tick), height - 10, "%.3g" % tick, 10, "middle"))
    out.append(line(scale.x(1.0), HEAD, scale.x(1.0), height - 24, "#111111", "4 3"))
    y = HEAD
    for heading, rows in groups:
        out.append(text(12, y + 18, heading, 12, weight="bold"))
        y += 26
        for name, ratio in rows:
            out += bar(scale, y, name, ratio)
            y += ROW
    return "\n".join(out) + "\n</svg>\n"
