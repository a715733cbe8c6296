"""The names of transformers, over the models of this package."""

# It makes itself known to the models, which cannot import it.
from keras_squeeze.transformers import writer
