import keras_hub

from keras_squeeze import validation
from keras_squeeze.models.tasks.class_names import labels_to_ids
from keras_squeeze.models.tasks.class_names import likeliest
from keras_squeeze.models.tasks.classification_task import ClassificationTask


class TextClassifier(ClassificationTask, keras_hub.models.TextClassifier):
    """Base of the text classifiers: a dense layer on the pooled output.

    See `ClassificationTask` for the arguments.
    """

    hugging_face_classes = ("ForSequenceClassification",)
    uses_pooled_output = True

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if y is not None:
            y = labels_to_ids(y, self.class_names)
        return super().preprocess_samples(x, y, sample_weight)

    def annotate(self, inputs, top_k=None, batch_size=32):
        """Classify raw inputs and give the answers by name.

        Args:
            inputs: A string, a list of strings, or a pair `(first, second)`
                of lists of strings.
            top_k: int or `None`. How many classes to give for each input,
                the likeliest first. Defaults to `None`, for the likeliest
                alone and not in a list.
            batch_size: int. How many inputs to predict at once. Defaults to
                `32`.

        Returns:
            A list with, for each input, a dictionary of the `label` and its
            `score`, a probability; with `top_k`, a list of `top_k` such
            dictionaries. For a single string, the entry alone.

        Example:

        ```python
        classifier.annotate(["Win a prize! Call now."])
        # [{"label": "spam", "score": 0.98}]
        ```
        """
        self.check_annotatable()
        if top_k is not None:
            validation.check_positive_int("top_k", top_k)
        if isinstance(inputs, str):
            return self.annotate([inputs], top_k, batch_size)[0]
        outputs = self.predict(inputs, batch_size=batch_size, verbose=0)
        names = self.names_of_classes()
        return [likeliest(p, names, top_k) for p in self.probabilities(outputs)]
