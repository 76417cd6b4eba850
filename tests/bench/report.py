"""What a session found, as text, as a part of docs/performance.md, and as plots beside it."""

import collections
import itertools
import os
import statistics
import xml.etree.ElementTree

import figures
import plan
import plots

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs")
# What has to be the same for two runs to be compared.
SAME = {"w1": ("bytes",), "w2": ("bytes", "threads"), "async": ("bytes",), "w3": ("bytes",),
        "w4": ("bytes", "cache"), "w5": ("mib",), "w6": ("threads",), "w7": ("mib",)}
SMALLER_IS_BETTER = ("w4", "w5", "w7")


def place(run):
    """What a run is compared in, as words."""
    workload = run["workload"]
    words = []
    for name in SAME[workload]:
        value = run[name]
        words.append(plan.size_text(value) if name == "bytes" else "%d MiB" % value
                     if name == "mib" else "%d thread%s" % (value, "s" if value > 1 else "")
                     if name == "threads" else value)
    return ", ".join(words)


def bounds(ratio, form):
    return "%s to %s" % tuple(form % value for value in ratio.interval) if ratio.interval else "-"


def put_into_document(name, text):
    """Replaces what stands between the markers of that name."""
    path = os.path.join(DOCS, "performance.md")
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    begin, end = "<!-- %s: written by ./dev bench -->\n" % name, "<!-- /%s -->" % name
    before, _, rest = whole.partition(begin)
    _, _, after = rest.partition(end)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n" + text + "\n\n" + end + after)


class Line:
    """One contender in one place."""

    def __init__(self, runs, sample):
        self.sample = sample
        workload = sample["workload"]
        wanted = {"workload": workload, **{name: sample[name] for name in SAME[workload]}}
        self.runs = list(runs.of(sample["contender"], **wanted).values())
        self.measure = {"w4": "time each", "w5": "time", "w7": "time"}.get(workload, "rate")
        self.floor = plan.FLOORS[workload]
        self.ratio = runs.ratio((sample["contender"], wanted), (self.floor, wanted), self.measure)

    def middle(self, name):
        return statistics.median(run.get(name, 0) for run in self.runs)

    def how(self):
        """Level, threads, sizes and groups."""
        sample = self.sample
        words = [sample["level"], "sync: " + sample["sync"],
                 "%d thread%s" % (sample["threads"], "s" if sample["threads"] > 1 else ""),
                 plan.size_text(sample["bytes"])]
        if sample["workload"] in ("w1", "w2", "async", "w6"):
            groups = self.middle("groups")
            words.append("groups of " + figures.short(self.middle("entries") / groups) if groups
                         else "groups not told")
        if self.middle("segments"):
            words.append("segments: %d" % self.middle("segments"))
        return ", ".join(words)

    def figure(self):
        seconds = self.middle("seconds")
        if self.sample["workload"] in ("w5", "w7"):
            return "%.3g ms" % (seconds * 1e3)
        per_second = statistics.median(run["entries"] / run["seconds"] for run in self.runs)
        text = figures.short(per_second) + "/s"
        if "p50_us" in self.sample:
            text += ", p50 %.0f, p99 %.0f us" % (self.middle("p50_us"), self.middle("p99_us"))
        return text

    def ratio_text(self):
        if self.ratio.median is None:
            return "-"
        text = "%.3g" % self.ratio.median
        return text + (" (%s)" % bounds(self.ratio, "%.3g") if self.ratio.interval else "")


class Report:
    def __init__(self, runs, targets, device, described):
        self.device, self.described = device, described
        self.runs = runs
        self.measured = [(target, target.ratio(runs)) for target in targets]
        self.measured = [pair for pair in self.measured if pair[1].values]
        self.places = collections.OrderedDict()  # (workload, place) -> lines
        seen = set()
        for run in sorted(runs.all, key=lambda run: run["round"]):
            if run["workload"] not in SAME:
                continue
            key = (run["workload"], place(run))
            if (key, run["contender"]) not in seen:
                seen.add((key, run["contender"]))
                self.places.setdefault(key, []).append(Line(runs, run))
        for lines in self.places.values():
            lines.sort(key=lambda line: (not line.sample["contender"].startswith("floor"),
                                         not line.sample["contender"].startswith("walkit")))

    def rows(self):
        """Of the targets: what, against, ratio, interval, rounds, target, verdict."""
        for target, ratio in self.measured:
            form = "%.3g"
            yield (target.what, target.against(), form % ratio.median, bounds(ratio, form),
                   str(len(ratio.values)),
                   "-" if target.bound is None else
                   "%s %s" % (">=" if target.at_least else "<=", form % target.bound),
                   ratio.verdict(target.bound, target.at_least) + self.too_short(target))

    def too_short(self, target):
        """A run that never changes its segment says nothing on what that costs."""
        contender, wanted = target.above
        segments = [run["segments"] for run in self.runs.of(contender, **wanted).values()
                    if run["workload"] in ("w1", "w2", "async", "w3")]
        few = target.bound is not None and contender == "walkit" and segments and (
            statistics.median(segments) < plan.SEGMENTS_LEAST)
        return " (%.0f segments)" % statistics.median(segments) if few else ""

    def text(self):
        lines = ["", *self.described]
        for (workload, where), contenders in self.places.items():
            lines += ["", "%s, %s (in proportion to %s)" % (
                plan.TITLES[workload], where, contenders[0].floor)]
            for line in contenders:
                lines.append("  %-28s %-36s %-20s %s, %s" % (
                    line.sample["contender"], line.figure(), line.ratio_text(), line.how(),
                    self.device))
        lines += ["", "%-52s %-28s %7s %-18s %-3s %-8s" % (
            "target", "in proportion to", "ratio", "95 %", "n", "bound")]
        for row in self.rows():
            lines.append("%-52s %-28s %7s %-18s %-3s %-8s %s" % row)
        return "\n".join(lines)

    # ---- The document ----

    def markdown(self, name):
        lines = ["Measured on:", ""] + ["- " + line for line in self.described] + [""]
        lines += ["| target | in proportion to | ratio | 95 % | rounds | bound | verdict |",
                  "|---|---|---|---|---|---|---|"]
        for row in self.rows():
            verdict = row[-1].replace("MISS", "**MISS**")
            cells = (row[0], "`%s`" % row[1] if row[1] else "", *row[2:-1], verdict)
            lines.append("| %s |" % " | ".join(cells))
        for workload, title in plan.TITLES.items():
            places = [(where, found) for (of, where), found in self.places.items()
                      if of == workload]
            if places:
                lines += ["", "### %s%s" % (title, " (journal)" if name == "journal" else ""), ""]
                lines += ["![%s](plots/%s-%s.svg)" % (title, name, workload), ""]
                lines += list(self.table(places))
        return "\n".join(lines)

    @staticmethod
    def table(places):
        """Contenders down, places across."""
        floor = places[0][1][0].floor
        yield "Figure and, in bold, its proportion to `%s` with the 95 %% interval." % floor
        yield ""
        names, cells, how = [], {}, {}
        for where, lines in places:
            for line in lines:
                contender = line.sample["contender"]
                if contender not in names:
                    names.append(contender)
                how[contender] = "%s, %s" % (line.sample["level"], line.sample["sync"])
                grouped = line.sample["workload"] in ("w2", "async", "w6")
                groups = line.middle("groups") if grouped else 0
                cells[contender, where] = "%s; **%s**%s" % (
                    line.figure(), line.ratio_text(), "; groups of " + figures.short(
                        line.middle("entries") / groups) if groups else "")
        yield "| contender | level, sync | %s |" % " | ".join(where for where, _ in places)
        yield "|---|---|%s" % ("---|" * len(places))
        for contender in names:
            yield "| %s | %s | %s |" % (contender, how[contender], " | ".join(
                cells.get((contender, where), "-") for where, _ in places))

    def write(self, name):
        put_into_document(name, self.markdown(name))
        os.makedirs(os.path.join(DOCS, "plots"), exist_ok=True)
        for workload, plot in self.plots():
            with open(os.path.join(DOCS, "plots/%s-%s.svg" % (name, workload)), "w",
                      encoding="utf-8") as file:
                file.write(plot)
        print("written: docs/performance.md, docs/plots/%s-*.svg" % name)

    def plots(self):
        for workload, title in plan.TITLES.items():
            groups = [(where, [(line.sample["contender"], line.ratio) for line in lines
                               if line.ratio.median is not None])
                      for (of, where), lines in self.places.items() if of == workload]
            if not groups:
                continue
            note = "%s to %s; a mark is the 95 %% interval" % (
                "time in proportion" if workload in SMALLER_IS_BETTER else "rate in proportion",
                plan.FLOORS[workload])
            yield workload, plots.bars(title, note, groups)

    def check(self, name, targets):
        """That there is a figure for each target, a line for each contender, and all that write()
        writes."""
        without = {target.what for target in targets} - {target.what for target, _ in self.measured}
        if without:
            raise SystemExit("FAILED: no figure for " + ", ".join(sorted(without)))
        drawn = dict(self.plots())
        if set(drawn) != set(plan.TITLES) or "| walkit |" not in self.markdown(name):
            raise SystemExit("FAILED: a table or plot is missing")
        for is_table, lines in itertools.groupby(self.markdown(name).splitlines(),
                                                 lambda line: line.startswith("|")):
            if is_table and len({line.count("|") for line in lines}) != 1:
                raise SystemExit("FAILED: a table has lines of several lengths")
        for plot in drawn.values():
            xml.etree.ElementTree.fromstring(plot)
