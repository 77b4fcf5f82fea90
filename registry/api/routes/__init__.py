"""One module per subject of the API."""
