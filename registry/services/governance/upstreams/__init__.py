"""The sources of imported versions, and what has become of them."""
