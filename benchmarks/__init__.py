"""What the scanner costs: `make bench`, or `python -m benchmarks PART` for a part of it."""
