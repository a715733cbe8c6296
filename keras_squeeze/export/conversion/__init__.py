"""Converts a Keras model to the flatbuffer of a `.tflite` file."""
