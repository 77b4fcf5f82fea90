"""The Keras adapter (Keras 3, torch backend): imports `.keras` archives and transfers them with the shared loop."""
