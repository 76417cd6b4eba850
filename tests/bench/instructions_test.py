#!/usr/bin/env python3
"""Whether instructions.py sees a change."""

import unittest

import instructions


class Compare(unittest.TestCase):
    def fine(self, found, baseline):
        return instructions.compare(found, baseline)[1]

    def test_five_percent_are_as_before(self):
        for found in (950, 1000, 1050):
            self.assertTrue(self.fine({"append": found}, {"append": 1000}), found)

    def test_more_is_a_failure_and_less_too(self):
        for found, word in ((1051, "find out why"), (949, "lower the baseline")):
            lines, fine = instructions.compare({"append": found}, {"append": 1000})
            self.assertFalse(fine)
            self.assertIn(word, lines[0])

    def test_one_of_several_is_enough(self):
        self.assertFalse(self.fine({"append": 1000, "open": 2}, {"append": 1000, "open": 1}))

    def test_what_stands_on_one_side_only_is_a_failure(self):
        self.assertFalse(self.fine({"append": 1}, {}))
        self.assertFalse(self.fine({}, {"append": 1}))


if __name__ == "__main__":
    unittest.main()
