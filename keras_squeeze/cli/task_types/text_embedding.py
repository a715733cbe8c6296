from keras_squeeze.cli.task_types.task_type import TaskType


class TextEmbedding(TaskType):
    """Texts, whose vectors are wanted."""

    name = "text_embedding"
    class_name = "TextEmbedder"
    is_trainable = False

    def base_class(self):
        from keras_squeeze.models.tasks.text_embedder import TextEmbedder

        return TextEmbedder

    def annotate(self, task, inputs, args):
        vectors = task.predict(inputs, verbose=0)
        return [[{"embedding": vector.tolist()}] for vector in vectors]
