"""Models, data and processes that the benchmarks measure."""
