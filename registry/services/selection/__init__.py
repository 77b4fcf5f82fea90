"""Which model to start from, measured on the data that it is meant for."""
