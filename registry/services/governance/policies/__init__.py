"""The policies that decide on promotions: read from YAML, checked, published, and the one in force for a version."""
