"""How each cost grows: walkit_scale at several sizes, a constant and a slope, and where it bends."""

import os
import statistics
import subprocess
import time

SIZES = {
    "append_buffered": (10_000, 100_000, 1_000_000, 10_000_000),
    "append_durable": (1, 2, 4, 8, 16, 32, 64),
    "open_to_write": (1, 10, 100, 1_000, 10_000),
    "open_to_read": (1, 10, 100, 1_000, 10_000),
    "open_after_crash": (1, 4, 16, 60),
    "read_first": (1, 10, 100, 1_000, 10_000),
    "read_again": (1, 10, 100, 1_000, 10_000),
    "replay_segments": (1, 10, 100, 1_000, 10_000),
    "replay_entries": (10_000, 100_000, 1_000_000, 10_000_000),
    "memory": (1, 10, 100, 1_000),
    "descriptors": (1, 10, 100, 1_000),
    "threads": (1, 10, 100, 1_000),
}
FAR = 0.25  # from the model: there it bends


def fit(points):
    """(constant, slope) of y = constant + slope x with the least relative errors, neither below
    zero."""
    sums = [0.0] * 5
    for x, y in points:
        weight = 1.0 / max(y, 1e-9) ** 2
        for i, value in enumerate((1.0, x, y, x * x, x * y)):
            sums[i] += weight * value
    one, sx, sy, sxx, sxy = sums
    determinant = one * sxx - sx * sx
    slope = (one * sxy - sx * sy) / determinant
    constant = (sy - slope * sx) / one
    if slope < 0:
        return sy / one, 0.0
    if constant < 0:
        return 0.0, sxy / sxx
    return constant, slope


def off(model, point):
    constant, slope = model
    expected = constant + slope * point[0]
    return abs(point[1] - expected) > FAR * max(expected, 1e-9)


def model_of(points):
    """The model of as many sizes as one holds for, from the least on, and the first size beyond:
    none where it holds for all."""
    for count in range(len(points), 2, -1):
        model = fit(points[:count])
        if not any(off(model, point) for point in points[:count]):
            return model, points[count][0] if count < len(points) else None
    return fit(points[:2]), points[2][0]


def measure(program, folder, before, rounds):
    """(name, unit, of) -> [(size, median)], and when and under what load."""
    listed = subprocess.run([program, "list"], stdout=subprocess.PIPE, check=True).stdout.decode()
    found, told = {}, []
    for cost in (tuple(line.split("|")) for line in listed.splitlines()):
        values = {size: [] for size in SIZES[cost[0]]}
        for number in range(rounds):
            for size in values:
                log = os.path.join(folder, "%s-%d" % (cost[2], size))
                done = subprocess.run([*before, program, cost[0], str(size), log],
                                      stdout=subprocess.PIPE, check=True)
                values[size].append(float(done.stdout))
                told.append({"date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()[0]})
            print("%s: round %d of %d" % (cost[0], number + 1, rounds), flush=True)
        found[cost] = [(size, statistics.median(seen)) for size, seen in values.items()]
    return found, told


def short(value):
    return "%.3g" % value if value < 1000 else "{:,.0f}".format(value)


def lines(found):
    """A table, as Markdown."""
    yield "| cost | measured | model | holds |"
    yield "|---|---|---|---|"
    for (name, unit, of), points in found.items():
        (constant, slope), bend = model_of(points)
        measured = ", ".join("%s: %s" % (short(size), short(value)) for size, value in points)
        yield "| %s, %s by %s | %s | %s + %s per %s | %s |" % (
            name.replace("_", " "), unit or "count", of, measured, short(constant),
            "%.3g" % slope, of.split()[0].rstrip("s") if of != "open logs" else "log",
            "all along" if bend is None else "below %s" % short(bend))
