"""Pictures, texts and vectors, as models read them."""
