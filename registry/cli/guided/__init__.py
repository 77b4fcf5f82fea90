"""`forebear start`: from data to a verdict and a request, one question at a time. Every answer can be taken back."""
