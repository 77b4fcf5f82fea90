"""Selection reports in the database."""
