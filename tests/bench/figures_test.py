#!/usr/bin/env python3
"""Whether figures.py counts right."""

import random
import unittest

import figures


def run(contender, number, seconds, entries=100, **more):
    return {"contender": contender, "round": number, "seconds": seconds, "entries": entries, **more}


class Interval(unittest.TestCase):
    def test_fewer_than_six_cannot_tell(self):
        for n in range(6):
            self.assertIsNone(figures.interval(range(n)))

    def test_bounds_are_those_of_the_sign_test(self):
        # Of the tables: the k-th value from both ends.
        for n, k in ((6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (15, 4), (17, 5), (20, 6)):
            self.assertEqual(figures.interval(range(1, n + 1)), (k, n + 1 - k), n)

    def test_covers_the_median_nineteen_times_in_twenty(self):
        dice = random.Random(1)
        seen = [figures.interval([dice.lognormvariate(0, 1) for _ in range(12)])
                for _ in range(4000)]
        covered = sum(1 for low, high in seen if low <= 1 <= high)
        self.assertGreater(covered, 0.945 * len(seen))


class Verdict(unittest.TestCase):
    def verdict(self, low, high, bound, at_least):
        return figures.Ratio([low] * 3 + [high] * 3).verdict(bound, at_least)

    def test_of_what_has_to_be_large(self):
        self.assertEqual(self.verdict(0.96, 0.99, 0.95, True), "met")
        self.assertEqual(self.verdict(0.90, 0.99, 0.95, True), "undecided")
        self.assertEqual(self.verdict(0.90, 0.94, 0.95, True), "MISS")

    def test_of_what_has_to_be_small(self):
        self.assertEqual(self.verdict(1.0, 1.1, 1.2, False), "met")
        self.assertEqual(self.verdict(1.0, 1.3, 1.2, False), "undecided")
        self.assertEqual(self.verdict(1.3, 1.4, 1.2, False), "MISS")

    def test_too_few_rounds_are_no_verdict(self):
        self.assertEqual(figures.Ratio([2.0]).verdict(1, True), "too few rounds")

    def test_without_a_bound_nothing_is_said(self):
        self.assertEqual(figures.Ratio([1.0] * 6).verdict(None, True), "-")


class Pairs(unittest.TestCase):
    def test_ratios_are_taken_within_a_round(self):
        runs = figures.Runs([run("a", 1, 1.0), run("b", 1, 2.0), run("a", 2, 10.0),
                             run("b", 2, 40.0), run("a", 3, 1.0)])
        ratio = runs.ratio(("a", {}), ("b", {}), "rate")
        self.assertEqual(ratio.values, [2.0, 4.0])
        self.assertEqual(runs.ratio(("a", {}), ("b", {}), "time").values, [0.5, 0.25])

    def test_only_what_was_asked_for_is_taken(self):
        runs = figures.Runs([run("a", 1, 1.0, bytes=100), run("a", 1, 3.0, bytes=1024)])
        self.assertEqual(runs.values("a", "time", bytes=1024), [3.0])

    def test_overhead_is_what_is_not_payload(self):
        runs = figures.Runs([run("a", 1, 1.0, entries=10, bytes=100, disk_bytes=1030)])
        self.assertEqual(runs.values("a", "overhead"), [3.0])


if __name__ == "__main__":
    unittest.main()
