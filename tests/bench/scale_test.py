#!/usr/bin/env python3
"""Whether scale.py finds the constant, the slope and the bend."""

import unittest

import scale


class Model(unittest.TestCase):
    def model(self, *values):
        points = list(zip((1, 10, 100, 1000, 10000), values))
        (constant, slope), bend = scale.model_of(points)
        return round(constant, 3), round(slope, 3), bend

    def test_of_what_stays_and_what_grows(self):
        self.assertEqual(self.model(10, 10, 10, 10, 10), (10, 0, None))
        self.assertEqual(self.model(10.5, 15, 60, 510, 5010), (10, 0.5, None))
        self.assertEqual(self.model(0, 0, 0, 0, 0), (0, 0, None))

    def test_a_falling_cost_is_a_constant(self):
        self.assertEqual(self.model(10, 9, 9, 8, 8)[1:], (0, None))

    def test_what_leaves_the_model_is_where_it_bends(self):
        self.assertEqual(self.model(10.5, 15, 60, 510, 50010), (10, 0.5, 10000))
        self.assertEqual(self.model(10.5, 15, 60, 5100, 50010), (10, 0.5, 1000))


if __name__ == "__main__":
    unittest.main()
