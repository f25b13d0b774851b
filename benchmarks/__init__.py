"""Benchmarks: ratios in one run against the obvious alternatives, by CPU seconds and peak memory. Never a timed test."""
