"""Weight files of other tools, read strictly."""
