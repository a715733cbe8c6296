"""Defines the models that a student can learn from."""

import hashlib
import inspect
import json
import pathlib

import keras
import keras_hub
import numpy as np
from keras import ops

from keras_squeeze.layers.mean_pooling import mean_over_tokens
from keras_squeeze.models.encoder_backbone import EncoderBackbone


class Teacher:
    """Base class of teachers, which names the outputs to learn from.

    Args:
        hidden_layers: Iterable of ints. The layers whose hidden states are
            returned, counted from 1, with `0` for the embeddings. Defaults to
            none.
        attention_layers: Iterable of ints. The layers whose attention
            probabilities are returned, counted from 1. Defaults to none.
        sentence: bool. Whether to return the mean of the last hidden states
            over the tokens of a text, as sentence embedding models do.
            Defaults to `True`.
    """

    def __init__(self, hidden_layers=(), attention_layers=(), sentence=True):
        self.hidden_layers = tuple(hidden_layers)
        self.attention_layers = tuple(attention_layers)
        self.sentence = sentence

    @property
    def num_layers(self):
        """int. The number of layers."""
        raise NotImplementedError

    @property
    def fingerprint(self):
        """A string that differs between teachers."""
        raise NotImplementedError

    def encode(self, inputs):
        """Run the model.

        Args:
            inputs: Dictionary of int arrays of shape `(batch, length)`:
                `token_ids`, `segment_ids` and `padding_mask`.

        Returns:
            A tuple of two lists of arrays: all hidden states, starting with
            the embeddings, and the attention probabilities of all layers,
            which can be empty if there are no `attention_layers`.
        """
        raise NotImplementedError

    def outputs(self, inputs):
        """Compute what a student can learn from a batch of inputs.

        Args:
            inputs: Dictionary of int arrays of shape `(batch, length)`:
                `token_ids`, `segment_ids` and `padding_mask`.

        Returns:
            A dictionary of float32 NumPy arrays: for example `"hidden_3"` of
            shape `(batch, length, dim)` for layer 3, `"attention_3"` of shape
            `(batch, heads, length, length)`, and `"sentence"` of shape
            `(batch, dim)`.
        """
        hidden_states, attention = self.encode(inputs)
        outputs = {f"hidden_{i}": hidden_states[i] for i in self.hidden_layers}
        for i in self.attention_layers:
            outputs[f"attention_{i}"] = attention[i - 1]
        if self.sentence:
            outputs["sentence"] = ops.convert_to_numpy(
                mean_over_tokens(
                    ops.convert_to_tensor(hidden_states[-1]),
                    inputs["padding_mask"],
                )
            )
        return outputs

    def _check_layers(self):
        for name in ("hidden_layers", "attention_layers"):
            layers = getattr(self, name)
            first = int(name == "attention_layers")
            if any(not first <= i <= self.num_layers for i in layers):
                raise ValueError(
                    f"`{name}` must be from {first} to {self.num_layers}, the "
                    f"layers of the teacher. Received: {name}={layers}"
                )


class BackboneTeacher(Teacher):
    """Uses a backbone of this package or of KerasHub as a teacher.

    KerasHub backbones are supported if they consist of embeddings and
    `TransformerEncoder` layers: BERT, RoBERTa, DistilBERT, ELECTRA and others.

    Args:
        backbone: The backbone, or a task with one.
        **kwargs: Arguments of `Teacher`.

    Raises:
        ValueError: If the backbone is not supported, or does not have one of
            the layers.

    Example:

    ```python
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    teacher = BackboneTeacher(backbone, hidden_layers=[1, 2])
    ones = np.ones((1, 4), "int32")
    outputs = teacher.outputs(
        {"token_ids": ones, "segment_ids": ones, "padding_mask": ones}
    )
    sorted(outputs)  # ["hidden_1", "hidden_2", "sentence"]
    ```
    """

    def __init__(self, backbone, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone = getattr(backbone, "backbone", backbone)
        layers = getattr(backbone, "transformer_layers", [None])
        is_own = isinstance(backbone, EncoderBackbone)
        if not is_own and not isinstance(
            layers[0], keras_hub.layers.TransformerEncoder
        ):
            raise ValueError(
                "`backbone` must be a backbone of this package, or one of "
                "KerasHub whose `transformer_layers` are of the class "
                "`TransformerEncoder`. Received: backbone of type "
                f"{type(backbone).__name__}"
            )
        self._check_layers()
        if is_own:
            self.model = OwnEncoder(backbone, self.attention_layers)
        else:
            self.model = KerasHubEncoder(backbone, self.attention_layers)

    @property
    def num_layers(self):
        return len(self.backbone.transformer_layers)

    @property
    def fingerprint(self):
        return f"{type(self.backbone).__name__} {_digest(self.backbone)}"

    def encode(self, inputs):
        inputs = {name: inputs[name] for name in self.backbone.input}
        return keras.tree.map_structure(
            lambda x: ops.convert_to_numpy(x).astype("float32"),
            self.model.predict_on_batch(inputs),
        )


class OwnEncoder(keras.Model):
    """Returns all hidden states and attention of a backbone of this package.

    This cannot be a functional model, which cannot access the attention of
    layers whose first call did not return it.
    """

    def __init__(self, backbone, attention_layers, embeddings=None):
        super().__init__()
        self.backbone = backbone
        self.embeddings = embeddings
        self.gives_attention = bool(attention_layers)
        self({name: np.zeros((1, 2), "int32") for name in backbone.input})

    def call(self, inputs):
        encoded = self.backbone.encode(
            **inputs, return_attention=self.gives_attention
        )
        attention = encoded.get("attention_probabilities", [])
        return encoded["hidden_states"], attention


class KerasHubEncoder(OwnEncoder):
    """Returns all hidden states and attention of a KerasHub backbone."""

    def __init__(self, backbone, attention_layers):
        first = backbone.transformer_layers[0]
        embeddings = keras.Model(
            backbone.input, keras.tree.flatten(first.input)[0]
        )
        super().__init__(backbone, attention_layers, embeddings)

    def call(self, inputs):
        x = self.embeddings(inputs)
        hidden_states, attention = [x], []
        for layer in self.backbone.transformer_layers:
            x = layer(
                x,
                padding_mask=inputs["padding_mask"],
                return_attention_scores=self.gives_attention,
            )
            if self.gives_attention:
                x, probabilities = x
                attention.append(probabilities)
            hidden_states.append(x)
        return hidden_states, attention


class HuggingFaceTeacher(Teacher):
    """Uses a checkpoint of the BERT family, run by PyTorch, as a teacher.

    It needs the packages torch and transformers, regardless of the Keras
    backend, and runs on a GPU if PyTorch finds one. The checkpoint must have
    the same tokens as the student. The uncased English BERT models have those
    of the presets of this package, with the same ids. MPNet has them with other
    ids, and needs the `vocabulary`.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint, with a
            `config.json`.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs. Defaults to `"float32"`.
        vocabulary: Optional list of strings. The student's tokens in the order
            of their ids, as `get_vocabulary()` of its tokenizer returns them.
            Their ids are then converted to those of the checkpoint, whose
            folder must include a tokenizer. Defaults to `None`, if the ids are
            the same.
        **kwargs: Arguments of `Teacher`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If the model does not have one of the layers or one of the
            tokens.
    """

    def __init__(self, folder, dtype="float32", vocabulary=None, **kwargs):
        super().__init__(**kwargs)
        self.folder = check_checkpoint(folder, dtype)
        transformers = import_transformers()
        self.dtype = dtype
        self.token_ids = None
        if vocabulary is not None:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
            self.token_ids = _token_ids(tokenizer, vocabulary)
        self.model = transformers.AutoModel.from_pretrained(
            self.folder,
            dtype=dtype,
            # The faster kernels do not return attention probabilities.
            attn_implementation="eager" if self.attention_layers else None,
        )
        self.model.eval().to(best_device())
        self._check_layers()

    @property
    def num_layers(self):
        return self.model.config.num_hidden_layers

    @property
    def fingerprint(self):
        config = json.loads((self.folder / "config.json").read_text("utf-8"))
        parts = [self.dtype, config]
        for name, tensor in self.model.state_dict().items():
            parts.append((name, float(tensor.double().sum())))
        return _hash(parts)

    def token_embeddings(self):
        """The embeddings of the tokens, in the order of the student's ids.

        Returns:
            A float32 array of shape `(vocabulary_size, dim)`.
        """
        table = self.model.get_input_embeddings().weight
        table = table.detach().cpu().float().numpy()
        return table if self.token_ids is None else table[self.token_ids]

    def position_embeddings(self):
        """The embeddings of the positions.

        Returns:
            A float32 array of shape `(max_sequence_length, dim)`.
        """
        positions = self.model.embeddings.position_embeddings
        # The models that have one for padding count from the one after it.
        first = (
            0 if positions.padding_idx is None else positions.padding_idx + 1
        )
        return positions.weight[first:].detach().cpu().float().numpy()

    def encode(self, inputs):
        import torch

        names = {
            "input_ids": "token_ids",
            "token_type_ids": "segment_ids",
            "attention_mask": "padding_mask",
        }
        if self.token_ids is not None:
            token_ids = self.token_ids[np.asarray(inputs["token_ids"])]
            inputs = {**inputs, "token_ids": token_ids}
        known = inspect.signature(self.model.forward).parameters
        tensors = {
            theirs: torch.tensor(
                np.array(inputs[ours], "int64"), device=self.model.device
            )
            for theirs, ours in names.items()
            if theirs in known
        }
        with torch.inference_mode():
            outputs = self.model(
                **tensors,
                output_hidden_states=True,
                output_attentions=bool(self.attention_layers),
            )
        return (
            [x.cpu().float().numpy() for x in outputs.hidden_states],
            [x.cpu().float().numpy() for x in outputs.attentions or ()],
        )


def _token_ids(tokenizer, vocabulary):
    """Find the tokens of a vocabulary in that of a transformers tokenizer."""
    special = {
        "[PAD]": tokenizer.pad_token,
        "[UNK]": tokenizer.unk_token,
        "[CLS]": tokenizer.cls_token,
        "[SEP]": tokenizer.sep_token,
        "[MASK]": tokenizer.mask_token,
    }
    ids = tokenizer.get_vocab()
    names = [special.get(token, token) for token in vocabulary]
    missing = [
        token
        for token, name in zip(vocabulary, names, strict=True)
        if name not in ids
    ]
    if missing:
        raise ValueError(
            "`vocabulary` must have tokens of the checkpoint only. Received: "
            f"{len(missing)} others, such as {missing[:5]}"
        )
    return np.array([ids[name] for name in names])


def check_checkpoint(folder, dtype):
    """Validate the arguments for loading a Hugging Face checkpoint.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint.
        dtype: string. The type to compute in.

    Returns:
        The folder, as a `pathlib.Path`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ValueError: If `dtype` is neither `"float32"` nor `"bfloat16"`.
    """
    if dtype not in ("float32", "bfloat16"):
        raise ValueError(
            '`dtype` must be "float32" or "bfloat16". Received: '
            f"dtype={dtype!r}"
        )
    folder = pathlib.Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"There is no checkpoint with a `config.json` in `{folder}`."
        )
    return folder


def import_transformers():
    """Import transformers, with a helpful error if it is missing."""
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise ImportError(
            "A Hugging Face teacher needs PyTorch and transformers: `pip "
            "install torch transformers`."
        ) from error
    return transformers


def best_device():
    """The device for a teacher on PyTorch: the GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _digest(model):
    return _hash(
        [float(np.sum(w, dtype="float64")) for w in model.get_weights()]
    )


def _hash(value):
    data = json.dumps(value, default=str, sort_keys=True).encode("utf-8")
    return hashlib.sha256(data).hexdigest()[:16]
