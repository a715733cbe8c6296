"""Base classes of the heads, shared by MobileBERT and SqueezeBERT."""

import keras
from keras import ops

from keras_squeeze.transformers.models import losses
from keras_squeeze.transformers.models import outputs
from keras_squeeze.transformers.models.pre_trained_model import PreTrainedModel


def _part(name):
    """Make a property for a part, by its name in transformers."""
    return property(
        lambda model: model.part(name), doc=f"The weights of `{name}`."
    )


class ModelFace(PreTrainedModel):
    """Base of the models without a head."""

    embeddings = _part("embeddings")
    encoder = _part("encoder")
    pooler = _part("pooler")

    def __init__(self, config, add_pooling_layer=True, **kwargs):
        super().__init__(config, **kwargs)
        self.add_pooling_layer = add_pooling_layer
        self.has_pooler = type(self).has_pooler and add_pooling_layer

    def _head_outputs(self, encoded, tensors):
        outputs = {"last_hidden_state": encoded["sequence_output"]}
        if self.add_pooling_layer:
            outputs["pooler_output"] = encoded["pooled_output"]
        return outputs

    def _to_tuple(self, outputs):
        first, *others = outputs.to_tuple()
        if self.add_pooling_layer:
            return first, *others
        # transformers also keeps the position of the pooled output.
        return first, None, *others

    def get_config(self):
        config = super().get_config()
        config["add_pooling_layer"] = self.add_pooling_layer
        return config

    @classmethod
    def _kwargs_of_config(cls, config):
        return {"add_pooling_layer": config.pop("add_pooling_layer", True)}


class ClassesFace(PreTrainedModel):
    """Base of the models whose `labels` are class ids."""

    labels_of_outputs = {"logits": "labels"}

    def _label_sizes(self, tensors):
        if "labels" not in tensors:
            return {}
        return {"labels": self.config.num_labels}

    def own_loss(self, outputs, labels, weights):
        if "labels" not in labels:
            return None
        return losses.cross_entropy(
            outputs["logits"], labels["labels"], weights.get("labels")
        )


class WordsFace(PreTrainedModel):
    """Base of the models that predict tokens."""

    cls = _part("cls")
    # The name in the TF classes.
    predictions = _part("cls.predictions")

    @classmethod
    def _head_kwargs(cls, config):
        if not config.tie_word_embeddings:
            raise ValueError(
                "`tie_word_embeddings` must be True: the output embeddings "
                "are tied to the input embeddings. Received: "
                f"tie_word_embeddings={config.tie_word_embeddings}"
            )
        return {}


class MaskedLMFace(WordsFace, ClassesFace):
    """Base of `...ForMaskedLM`."""

    output_class = outputs.MaskedLMOutput

    def _label_sizes(self, tensors):
        if "labels" not in tensors:
            return {}
        return {"labels": self.backbone.vocabulary_size}


class NextSentencePredictionFace(ClassesFace):
    """Base of `...ForNextSentencePrediction`."""

    output_class = outputs.NextSentencePredictorOutput
    cls = _part("cls")
    label_aliases = {"next_sentence_label": "labels"}

    def _label_sizes(self, tensors):
        return {"labels": 2} if "labels" in tensors else {}


class TokenClassificationFace(ClassesFace):
    """Base of `...ForTokenClassification`."""

    output_class = outputs.TokenClassifierOutput
    classifier = _part("classifier")


class MultipleChoiceFace(ClassesFace):
    """Base of `...ForMultipleChoice`."""

    output_class = outputs.MultipleChoiceModelOutput
    classifier = _part("classifier")
    rank = 3

    def _label_sizes(self, tensors):
        ids = tensors.get("input_ids", tensors.get("inputs_embeds"))
        if "labels" not in tensors or ids.shape[1] is None:
            return {}
        return {"labels": ids.shape[1]}

    def _backbone_inputs(self, tensors):
        return super()._backbone_inputs(
            {
                name: value
                if name in ("head_mask", "labels")
                else _flatten_choices(value)
                for name, value in tensors.items()
            }
        )

    def _head_outputs(self, encoded, tensors):
        ids = tensors.get("input_ids", tensors.get("inputs_embeds"))
        logits = self.task.apply_head(encoded)
        return {"logits": ops.reshape(logits, (-1, ops.shape(ids)[1]))}


class SequenceClassificationFace(ClassesFace):
    """Base of `...ForSequenceClassification`."""

    output_class = outputs.SequenceClassifierOutput
    classifier = _part("classifier")

    @classmethod
    def _head_kwargs(cls, config):
        fields = config.to_dict()
        if fields["problem_type"] == "regression":
            # A task supports one regression target, transformers several.
            fields["problem_type"] = None
        return cls.task_cls.head_kwargs(fields, is_restored=True)

    def _label_sizes(self, tensors):
        sizes = super()._label_sizes(tensors)
        if sizes and self._are_ids(tensors["labels"]):
            return sizes
        return {}

    def _are_ids(self, labels):
        return self._problem_type(labels) == "single_label_classification"

    def own_loss(self, outputs, labels, weights):
        if "labels" not in labels:
            return None
        labels, logits = labels["labels"], outputs["logits"]
        loss = {
            "regression": losses.squared_error,
            "single_label_classification": losses.cross_entropy,
            "multi_label_classification": losses.binary_cross_entropy,
        }[self._problem_type(labels)]
        return loss(logits, labels, weights.get("labels"))

    def _problem_type(self, labels):
        if self.config.problem_type is not None:
            return self.config.problem_type
        if self.config.num_labels == 1:
            return "regression"
        is_integer = "int" in keras.backend.standardize_dtype(labels.dtype)
        return f"{'single' if is_integer else 'multi'}_label_classification"


class QuestionAnsweringFace(PreTrainedModel):
    """Base of `...ForQuestionAnswering`."""

    output_class = outputs.QuestionAnsweringModelOutput
    qa_outputs = _part("qa_outputs")
    labels_of_outputs = {
        "start_logits": "start_positions",
        "end_logits": "end_positions",
    }

    @classmethod
    def _head_kwargs(cls, config):
        if config.num_labels != 2:
            raise ValueError(
                "`num_labels` must be 2 for question answering, one for the "
                "start and one for the end of an answer. Received: "
                f"num_labels={config.num_labels}"
            )
        return {}

    def own_loss(self, outputs, labels, weights):
        if any(name not in labels for name in self.label_names()):
            return None
        total = 0.0
        for output, label in self.labels_of_outputs.items():
            logits = outputs[output]
            positions = ops.cast(labels[label], "int32")
            if len(positions.shape) > 1:
                positions = ops.squeeze(positions, axis=-1)
            # Answers beyond the end, as in a truncated text, are ignored.
            length = ops.shape(logits)[1]
            positions = ops.clip(positions, 0, length)
            loss = losses.cross_entropy(
                logits, positions, weights.get(label), ignored=length
            )
            total = ops.add(total, loss)
        return ops.divide(total, len(self.labels_of_outputs))


class PreTrainingFace(WordsFace):
    """Base of `...ForPreTraining`."""

    output_class = outputs.MobileBertForPreTrainingOutput
    # The name in the TF classes.
    seq_relationship = _part("cls.seq_relationship")
    labels_of_outputs = {
        "prediction_logits": "labels",
        "seq_relationship_logits": "next_sentence_label",
    }

    def _label_sizes(self, tensors):
        sizes = {
            "labels": self.backbone.vocabulary_size,
            "next_sentence_label": 2,
        }
        return {name: size for name, size in sizes.items() if name in tensors}

    def own_loss(self, outputs, labels, weights):
        if any(name not in labels for name in self.label_names()):
            return None
        words, relationship = (
            losses.cross_entropy(
                outputs[output], labels[label], weights.get(label)
            )
            for output, label in self.labels_of_outputs.items()
        )
        return ops.add(words, relationship)


def _flatten_choices(value):
    """Merge the batch axis and the choices axis."""
    return ops.reshape(value, (-1, *ops.shape(value)[2:]))
