"""Files of word vectors, by format."""
