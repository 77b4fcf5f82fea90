"""Static word embeddings (GloVe, word2vec): importers, and the transfers that start from them."""
