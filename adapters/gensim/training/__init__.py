"""Methods that train word vectors or start from them."""
