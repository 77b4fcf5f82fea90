"""The file that is saved with a Keras model, so that Keras can build it."""
