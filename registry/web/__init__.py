"""The pages: rendered on the server, useful without JavaScript, and each with the same data at the API."""
