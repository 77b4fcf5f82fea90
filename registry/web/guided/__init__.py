"""`/start`: from data to a verdict and a request, one choice a page; the address holds what was chosen."""
