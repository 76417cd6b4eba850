"""From runs to ratios: medians, intervals, and whether a target is reached."""

import math
import statistics


def interval(values):
    """Where the median lies with 95 % certainty, whatever the distribution: the order statistics
    whose sign test does not refuse it. Fewer than six values cannot tell: none."""
    n, ordered = len(values), sorted(values)
    tail, k = 0.0, 0
    while k < n // 2 and tail + math.comb(n, k) / 2 ** n <= 0.025:
        tail += math.comb(n, k) / 2 ** n
        k += 1
    return (ordered[k - 1], ordered[n - k]) if k > 0 else None


class Ratio:
    """Of one contender to another, run by run: both of the same round."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values) if self.values else None
        self.interval = interval(self.values)

    def verdict(self, bound, at_least):
        """met: all of the interval is there. undecided: a part of it is, so that more rounds would
        tell. MISS: none of it is. Without a bound or an interval nothing is said."""
        if bound is None:
            return "-"
        if self.interval is None:
            return "too few rounds"
        worse, better = self.interval if at_least else self.interval[::-1]
        fits = (lambda value: value >= bound) if at_least else (lambda value: value <= bound)
        return "met" if fits(worse) else "undecided" if fits(better) else "MISS"


def seconds_each(run):
    return run["seconds"] / run["entries"]


# What is compared: more is better of a rate, less of a time.
MEASURES = {
    "rate": lambda run: run["entries"] / run["seconds"],
    "time": lambda run: run["seconds"],
    "time each": seconds_each,
    "time but decoding": lambda run: (run["seconds"] - run["decode_seconds"]) / run["entries"],
    # Of the quickest tenth of calls: on a busy machine the others wait for a processor.
    "undisturbed": lambda run: 1 / run["p10_us"],
    "processor": lambda run: run["cpu_seconds"] / run["entries"],
    "overhead": lambda run: run["disk_bytes"] / run["entries"] - run["bytes"],
    "syncs": lambda run: run["groups"],
    "ratio": lambda run: run["ratio"],
}


class Runs:
    """All runs of a session, found by what was measured."""

    def __init__(self, runs=()):
        self.all = list(runs)

    def of(self, contender, **wanted):
        """round -> run."""
        return {run["round"]: run for run in self.all if run["contender"] == contender and
                all(run.get(name) == value for name, value in wanted.items())}

    def values(self, contender, measure, **wanted):
        return [MEASURES[measure](run) for run in self.of(contender, **wanted).values()]

    def ratio(self, upper, lower, measure):
        """upper, lower: (contender, what is wanted); a measure for both, or one for each."""
        of_upper, of_lower = (measure, measure) if isinstance(measure, str) else measure
        above, below = (self.of(name, **wanted) for name, wanted in (upper, lower))
        return Ratio(MEASURES[of_upper](above[n]) / MEASURES[of_lower](below[n])
                     for n in sorted(above) if n in below)


def short(value):
    """Three digits, and k or M."""
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor:
            return "%.3g%s" % (value / factor, unit)
    return "%.3g" % value
