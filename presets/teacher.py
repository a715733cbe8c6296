"""Fine-tunes a Hugging Face checkpoint as the teacher of a classifier."""

import pathlib

import numpy as np
import torch
import transformers

from keras_squeeze.distillation.teachers import best_device
from keras_squeeze.models.tasks.array_batches import LengthBatches
from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import new_folder


def fine_tune(
    checkpoint,
    folder,
    texts,
    class_ids,
    class_names,
    epochs,
    batch_size=32,
    learning_rate=2e-4,
    sequence_length=64,
    seed=0,
):
    """Fine-tune a checkpoint, or resume after the last epoch.

    It computes in bfloat16, and keeps the weights in float32.

    Args:
        checkpoint: string or path. The folder of the checkpoint.
        folder: A `pathlib.Path`. The folder of the result. If it exists,
            nothing is done.
        texts: List of strings.
        class_ids: int array of shape `(num_texts,)`.
        class_names: List of strings in the order of the ids.
        epochs: int.
        batch_size: int. Defaults to `32`.
        learning_rate: float. The highest learning rate. It rises over the first
            tenth of the steps, and then falls linearly. Defaults to `2e-4`.
        sequence_length: int. The maximum number of tokens per text. Defaults
            to `64`.
        seed: int. Defaults to `0`.
    """
    folder = pathlib.Path(folder)
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    torch.manual_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        num_labels=len(class_names),
        id2label=dict(enumerate(class_names)),
    ).to(best_device())
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    steps = epochs * -(-len(texts) // batch_size)
    encoded = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=sequence_length,
        return_tensors="np",
    )
    x = {name: array for name, array in encoded.items()}
    x["padding_mask"] = x.pop("attention_mask")
    state_path = folder.with_name(f"{folder.name}.state.pt")
    done = 0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["epochs"]
    for epoch in range(done, epochs):
        torch.manual_seed(1000 * seed + epoch)
        batches = LengthBatches(
            x, np.asarray(class_ids), batch_size=batch_size, seed=seed + epoch
        )
        losses = []
        model.train()
        for i in range(len(batches)):
            step = epoch * len(batches) + i
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * min(
                    10 * (step + 1) / steps, (steps - step) / (0.9 * steps)
                )
            losses.append(_step(model, optimizer, *batches[i]))
        print(
            f"Teacher, epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}",
            flush=True,
        )
        with new_file(state_path) as new:
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "epochs": epoch + 1,
                },
                new,
            )
    with new_folder(folder) as new:
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
    state_path.unlink(missing_ok=True)


def _step(model, optimizer, x, y):
    """Train on one batch, and return the loss."""
    inputs = {
        "attention_mask" if name == "padding_mask" else name: torch.tensor(
            array, device=model.device
        )
        for name, array in x.items()
    }
    with torch.autocast(model.device.type, torch.bfloat16):
        logits = model(**inputs).logits
    loss = torch.nn.functional.cross_entropy(
        logits.float(), torch.tensor(y, device=model.device).long()
    )
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()
