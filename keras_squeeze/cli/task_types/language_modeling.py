from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.task_types.task_type import split_pairs


class MaskedLM(TaskType):
    """Texts without labels, of which words are to be guessed."""

    name = "masked_lm"
    class_name = "MaskedLM"

    def base_class(self):
        from keras_squeeze.models.tasks.masked_lm import MaskedLM

        return MaskedLM

    def read(self, path, args):
        from keras_squeeze.datasets.samples import Samples
        from keras_squeeze.datasets.text_files import read_texts

        return Samples(read_texts(path, args.text_column))

    def inputs(self, args):
        if args.pairs:
            return split_pairs(args.texts), args.texts
        return super().inputs(args)

    def rows(self, shown, answers):
        rows = []
        for text, masks in zip(shown, answers, strict=True):
            # For a text of several masks there is a list for each of them.
            several = isinstance(masks[0], list)
            for number, fillings in enumerate(masks if several else [masks]):
                for filling in fillings:
                    rows.append({"text": text, "mask": number + 1, **filling})
        return rows


class Pretraining(MaskedLM):
    """Texts, or pairs that follow each other, without labels."""

    name = "pretraining"
    class_name = "Pretraining"

    def base_class(self):
        from keras_squeeze.models.tasks.pretraining import Pretraining

        return Pretraining

    def inputs(self, args):
        return split_pairs(args.texts), args.texts

    def rows(self, shown, answers):
        rows = []
        for text, answer in zip(shown, answers, strict=True):
            masks = answer.pop("masks")
            rows.append({"text": text, **answer})
            if masks:
                rows += super().rows([text], [masks])
        return rows
