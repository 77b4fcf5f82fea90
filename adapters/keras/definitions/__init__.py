"""The file that goes out beside a Keras model's weights, so that stock Keras builds it."""
