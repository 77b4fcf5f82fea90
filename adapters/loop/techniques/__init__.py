"""Parts of the methods that can be tested separately."""
