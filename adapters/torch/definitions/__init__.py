"""One file per architecture that transformers does not have. Each runs alone: `forebear model pull` copies it out."""
