import pytest
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from keras_squeeze.tokenizers.unicode_tables import ACCENTS_ABOVE
from keras_squeeze.tokenizers.unicode_tables import DELETED_ABOVE
from keras_squeeze.tokenizers.unicode_tables import NUM_LISTED
from keras_squeeze.tokenizers.unicode_tables import normalization_table
from tests.backends import only_on

pytestmark = only_on(
    "tensorflow", reason="the tables are the same on every backend"
)

CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]


def code_points_above(ranges):
    return {c for first, last in ranges for c in range(first, last + 1)}


@pytest.mark.parametrize(
    "lowercase, strip_accents", [(True, True), (True, False), (False, False)]
)
def test_table_has_what_tokenizers_makes_of_each_character(
    lowercase, strip_accents
):
    normalizer = BertNormalizer(
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    table = normalization_table(lowercase, strip_accents, False, True)
    deleted = code_points_above(DELETED_ABOVE)
    if strip_accents:
        deleted |= code_points_above(ACCENTS_ABOVE)
    rows = [[c for c in row if c >= 0] for row in table.tolist()]
    differences = []
    for code_point in CODE_POINTS:
        expected = normalizer.normalize_str(chr(code_point))
        if code_point < NUM_LISTED:
            row = "".join(map(chr, rows[code_point]))
        else:
            row = "" if code_point in deleted else chr(code_point)
        if row != expected:
            differences.append((hex(code_point), row, expected))
    assert differences == []


def test_table_isolates_what_tokenizers_takes_for_punctuation():
    pre_tokenizer = BertPreTokenizer()
    plain = normalization_table(True, True, False, False).tolist()
    split = normalization_table(True, True, True, False).tolist()
    differences = []
    for code_point, (before, after) in enumerate(
        zip(plain, split, strict=True)
    ):
        text = "".join(chr(c) for c in before if c >= 0)
        words = [
            word for word, _ in pre_tokenizer.pre_tokenize_str(f"a{text}a")
        ]
        result = "".join(chr(c) for c in after if c >= 0)
        if f"a{result}a".split() != words:
            differences.append((hex(code_point), result, words))
    assert differences == []
    # No character above the table is punctuation either.
    for start in range(NUM_LISTED, 0x110000, 0x1000):
        text = "".join(map(chr, range(start, start + 0x1000)))
        assert len(pre_tokenizer.pre_tokenize_str(text)) == 1


def test_tables_are_built_once():
    table = normalization_table(True, True, True, True)
    assert normalization_table(True, True, True, True) is table
