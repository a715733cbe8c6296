"""The transformers API, over the models of this package."""

# The writer registers itself with the models, which cannot import it.
from keras_squeeze.transformers import writer
