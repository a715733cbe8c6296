"""Turns a Keras model into the flatbuffer of a `.tflite` file."""
