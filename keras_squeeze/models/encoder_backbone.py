"""Base class of the backbones: embeddings, layers and a pooler."""

import keras
import keras_hub

from keras_squeeze import validation
from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import EMBEDDING
from keras_squeeze.checkpoints.weight_table import NORM
from keras_squeeze.checkpoints.weights_file import CheckedWeights
from keras_squeeze.layers.attention_mask import AttentionMask
from keras_squeeze.models.devices import SplitRows
from keras_squeeze.models.export_formats import ExportFormats
from keras_squeeze.models.garbage import fast_collections
from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.torch_parameters import TorchParameters

# The rows of the weight tables for the parts that all backbones have.
SHARED_ROWS = [
    ("embeddings.word_embeddings", "embeddings.token_embedding", EMBEDDING),
    (
        "embeddings.position_embeddings",
        "embeddings.position_embedding",
        EMBEDDING,
    ),
    (
        "embeddings.token_type_embeddings",
        "embeddings.segment_embedding",
        EMBEDDING,
    ),
    ("embeddings.embedding_transformation", "embeddings.projection", DENSE),
    ("embeddings.LayerNorm", "embeddings.norm", NORM),
    ("pooler.dense", "pooler.dense", DENSE),
]


def count_parameters(
    count_in_layer,
    vocabulary_size,
    num_layers,
    hidden_dim,
    embedding_dim,
    max_sequence_length,
    num_segments,
    trigram_input=False,
    **kwargs,
):
    """Estimate the parameters of a backbone, without biases and norms.

    Args:
        count_in_layer: Function that counts the parameters of a transformer
            layer, from `hidden_dim` and the remaining arguments.
        vocabulary_size: int. See the backbones, also for the other arguments.
        num_layers: int.
        hidden_dim: int.
        embedding_dim: int.
        max_sequence_length: int.
        num_segments: int.
        trigram_input: bool.
        **kwargs: Other arguments of the backbone.

    Returns:
        int.
    """
    embeddings = vocabulary_size * embedding_dim
    embeddings += (max_sequence_length + num_segments) * hidden_dim
    if trigram_input or embedding_dim != hidden_dim:
        embeddings += (3 if trigram_input else 1) * embedding_dim * hidden_dim
    layers = num_layers * count_in_layer(hidden_dim=hidden_dim, **kwargs)
    pooler = hidden_dim * hidden_dim
    return embeddings + layers + pooler


class EncoderBackbone(
    ExportFormats,
    FromPreset,
    CheckedWeights,
    TorchParameters,
    OneAtATime,
    SplitRows,
    keras_hub.models.Backbone,
):
    """Base class of the BERT-like backbones.

    Subclasses create the layers. This class connects them, once for the
    functional model and again for every caller that needs more than its two
    outputs.

    Subclasses also set `split_outputs` and `split_inputs`, for
    `get_layout_map()`: regular expressions of the dense layers of which each
    device computes some outputs, or reads some inputs. `kernel_rank` is the
    rank of their kernels.

    Args:
        embeddings: A `keras_squeeze.layers.bert_embeddings.BertEmbeddings`.
        transformer_layers: List of layers that take hidden states, an
            attention bias and a head mask.
        pooler: A layer that returns one vector per sequence.
        dtype: The dtype policy. Defaults to the global one.
        **kwargs: Other keyword arguments of `keras_hub.models.Backbone`.
    """

    split_outputs = ""
    split_inputs = ""
    kernel_rank = 2

    def __init__(
        self, embeddings, transformer_layers, pooler, dtype=None, **kwargs
    ):
        # === Layers ===
        self.embeddings = embeddings
        self.token_embedding = embeddings.token_embedding
        self.attention_mask = AttentionMask(dtype=dtype, name="attention_mask")
        self.transformer_layers = transformer_layers
        self.pooler = pooler

        # === Functional Model ===
        inputs = {
            name: keras.Input(shape=(None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }
        outputs = self.encode(**inputs)
        super().__init__(
            inputs=inputs,
            outputs={
                "sequence_output": outputs["sequence_output"],
                "pooled_output": outputs["pooled_output"],
            },
            dtype=dtype,
            **kwargs,
        )

    def encode(
        self,
        token_ids=None,
        segment_ids=None,
        padding_mask=None,
        position_ids=None,
        input_embeddings=None,
        head_mask=None,
        return_attention=False,
    ):
        """Run the backbone with all inputs and outputs of its layers.

        It accepts tensors and symbolic `keras.Input`s.

        Args:
            token_ids: int tensor of shape `(batch, length)`. Required unless
                `input_embeddings` is passed.
            segment_ids: Optional int tensor of shape `(batch, length)`.
            padding_mask: Optional tensor of ones and zeros of shape `(batch,
                length)` or `(batch, length, length)`.
            position_ids: Optional int tensor of shape `(batch, length)`.
            input_embeddings: Optional float tensor of shape `(batch, length,
                embedding_dim)`.
            head_mask: Optional list that has a mask for each layer, `None` or
                a float tensor that broadcasts to `(batch, num_heads, length,
                length)`.
            return_attention: bool. Whether to also return attention scores
                and probabilities. Defaults to `False`.

        Returns:
            A dictionary with `"sequence_output"`, `"pooled_output"` and
            `"hidden_states"`, a list of the outputs of the embeddings and of
            each layer. With `return_attention`, it also has
            `"attention_scores"` and `"attention_probabilities"`, lists with
            one entry per layer.
        """
        x = self.embeddings(
            token_ids=token_ids,
            segment_ids=segment_ids,
            position_ids=position_ids,
            input_embeddings=input_embeddings,
        )
        attention_bias = None
        if padding_mask is not None:
            attention_bias = self.attention_mask(padding_mask)
        hidden_states, scores, probabilities = [x], [], []
        for i, layer in enumerate(self.transformer_layers):
            x = layer(
                x,
                attention_bias=attention_bias,
                head_mask=None if head_mask is None else head_mask[i],
                return_attention=return_attention,
            )
            if return_attention:
                x, layer_scores, layer_probabilities = x
                scores.append(layer_scores)
                probabilities.append(layer_probabilities)
            hidden_states.append(x)
        outputs = {
            "sequence_output": x,
            "pooled_output": self.pooler(x),
            "hidden_states": hidden_states,
        }
        if return_attention:
            outputs["attention_scores"] = scores
            outputs["attention_probabilities"] = probabilities
        return outputs

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Store the weights of dense layers and embeddings in fewer bits.

        Args:
            mode: string. `"int8"` or `"int4"`, or another mode of
                `keras.Model.quantize`.
            config: Optional configuration, instead of `mode`.
            filters: Optional regular expression for the names of the layers to
                quantize, a list of them, or a function of a layer.
            **kwargs: Other arguments of `keras.Model.quantize`.

        Example:

        ```python
        backbone = keras_squeeze.models.MobileBertBackbone(num_layers=2)
        backbone.quantize("int8")
        ```
        """
        with fast_collections():
            super().quantize(mode, config=config, filters=filters, **kwargs)

    def resize_vocabulary(self, vocabulary_size, initializer="mean"):
        """Add tokens to the end of the vocabulary, or remove them.

        A head for masked words must also be resized, with its own
        `resize_vocabulary()`, and a compiled model must be compiled again.

        Args:
            vocabulary_size: int. The new size of the vocabulary.
            initializer: `"mean"`, for the mean of the existing embeddings, or
                an initializer, for new tokens. Defaults to `"mean"`.

        Raises:
            ValueError: If `vocabulary_size` is not a positive integer.

        Example:

        ```python
        backbone = keras_squeeze.models.MobileBertBackbone(num_layers=2)
        backbone.resize_vocabulary(30530)
        backbone.token_embedding.embeddings.shape
        ```
        """
        validation.check_positive_int("vocabulary_size", vocabulary_size)
        self.embeddings.resize_vocabulary(vocabulary_size, initializer)
        self.vocabulary_size = vocabulary_size

    @classmethod
    def get_layout_map(
        cls,
        device_mesh,
        model_parallel_dim_name="model",
        data_parallel_dim_name="batch",
    ):
        """Define how to split the weights between devices, on JAX.

        The token embeddings, and the kernels of attention and of the
        feed-forward networks, are split along both axes of the mesh, and the
        other weights are not. The numbers of devices must divide the sizes of
        the model. The layouts also apply to the tasks of the model.

        Args:
            device_mesh: A `keras.distribution.DeviceMesh`.
            model_parallel_dim_name: string. The axis of the mesh along which
                the weights are split. Defaults to `"model"`.
            data_parallel_dim_name: string. The axis of the mesh along which
                batches are split, and also the weights. Defaults to
                `"batch"`.

        Returns:
            A `keras.distribution.LayoutMap`.

        Raises:
            ValueError: If the mesh does not have these axes.

        Example:

        ```python
        mesh = keras.distribution.DeviceMesh(
            shape=(2, 2),
            axis_names=("batch", "model"),
            devices=["gpu:0", "gpu:1", "gpu:2", "gpu:3"],
        )
        layout_map = keras_squeeze.models.MobileBertBackbone.get_layout_map(
            mesh
        )
        distribution = keras.distribution.ModelParallel(
            layout_map=layout_map, batch_dim_name="batch"
        )
        # Before a task is created:
        # keras.distribution.set_distribution(distribution)
        ```
        """
        if not isinstance(device_mesh, keras.distribution.DeviceMesh):
            raise ValueError(
                "`device_mesh` must be a `keras.distribution.DeviceMesh`. "
                f"Received: device_mesh={device_mesh!r}"
            )
        model, data = model_parallel_dim_name, data_parallel_dim_name
        missing = {model, data} - set(device_mesh.axis_names)
        if missing or model == data:
            raise ValueError(
                "`model_parallel_dim_name` and `data_parallel_dim_name` must "
                "be two axes of `device_mesh`. Received: "
                f"model_parallel_dim_name={model!r}, "
                f"data_parallel_dim_name={data!r}, and a mesh with the axes "
                f"{list(device_mesh.axis_names)}"
            )
        # The published vocabularies have 30,522 or 30,528 tokens, which few
        # numbers of devices divide. The size of a vector is a power of two,
        # or three times one.
        layouts = keras.distribution.LayoutMap(device_mesh)
        layouts[".*token_embedding/embeddings"] = (None, model)
        layouts[".*rest_kernel"] = (model, None)
        before = (None,) * (cls.kernel_rank - 2)
        layouts[f".*/({cls.split_outputs})/kernel"] = (*before, data, model)
        layouts[f".*/({cls.split_outputs})/bias"] = (model,)
        layouts[f".*/({cls.split_inputs})/kernel"] = (*before, model, data)
        return layouts

    def hidden_states_view(self):
        """Create a second model of the same layers that has all hidden states.

        Use `encode(..., return_attention=True)` for attention weights.

        Returns:
            A `keras.Model` with the inputs of the backbone and the outputs of
            `encode()`.

        Example:

        ```python
        backbone = keras_squeeze.models.MobileBertBackbone(num_layers=2)
        view = backbone.hidden_states_view()
        hidden_states = view.predict(
            {
                "token_ids": np.ones((1, 8), "int32"),
                "segment_ids": np.zeros((1, 8), "int32"),
                "padding_mask": np.ones((1, 8), "int32"),
            }
        )["hidden_states"]
        ```
        """
        return keras.Model(
            inputs=self.input,
            outputs=self.encode(**self.input),
            name=f"{self.name}_hidden_states",
        )
