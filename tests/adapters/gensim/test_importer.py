"""Word vectors come in whole: GloVe, word2vec's two formats, arrays and subwords; what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gensim.models import KeyedVectors
from pyarrow import parquet
from safetensors.numpy import save_file

from adapters.gensim.definitions.static_embeddings import load
from adapters.gensim.files.decimals import parse_decimals
from adapters.gensim.importer import (
    ArrayVectorsImporter,
    BinaryVectorsImporter,
    FolderImporter,
    TextVectorsImporter,
)
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError
from registry.ports.importing import ConvertedSource, SourceImporter

IMPORTERS: tuple[SourceImporter, ...] = (
    ArrayVectorsImporter(),
    BinaryVectorsImporter(),
    FolderImporter(),
    TextVectorsImporter(),
)
GLOVE = b"the 0.418 0.24968 -0.41242\nking 0.50451 0.68607 -0.59517\n\xc3\xa9t\xc3\xa9 1e-05 -2 .5\n"


def convert(source: Path, target: Path, architecture: str | None = None) -> ConvertedSource:
    """By the one importer that knows `source`."""
    found = [importer for importer in IMPORTERS if importer.detect(source)]
    assert len(found) == 1, f"{source.name} is known to {[importer.name for importer in found]}"
    target.mkdir()
    return found[0].convert(source, target, architecture=architecture)


def written(folder: Path, content: bytes, name: str = "vectors.txt") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.fixture
def vectors() -> KeyedVectors:
    """Three hundred words, some of them strange, with gensim."""
    words = ["king", "New_York", "été", "two\u2028lines", "\x85", *(f"word{n}" for n in range(295))]
    keyed = KeyedVectors(7)
    keyed.add_vectors(words, np.random.default_rng(0).normal(size=(300, 7)).astype(np.float32))
    return keyed


def test_glove_text_becomes_vectors_words_and_config(tmp_path: Path) -> None:
    converted = convert(written(tmp_path, GLOVE), tmp_path / "out")
    model = load(tmp_path / "out")
    facts = converted.facts
    assert (facts.architecture, facts.modality, facts.task) == (
        "static_embeddings",
        Modality.TEXT,
        "feature-extraction",
    )
    assert (converted.tensors, converted.parameters) == (1, 9)
    assert model.words == ["the", "king", "été"]
    assert model.matrix.tolist()[2] == np.array([1e-5, -2, 0.5], dtype=np.float32).tolist()
    assert json.loads((tmp_path / "out/config.json").read_text()) == {
        "architectures": ["static_embeddings"],
        "model_type": "static_embeddings",
        "words": 3,
        "dim": 3,
        "dtype": "float32",
        "lower_case": True,
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json",
        "model.safetensors",
        "vocabulary.txt",
    ]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_what_gensim_writes_is_read_as_gensim_reads_it(binary: bool, vectors: KeyedVectors, tmp_path: Path) -> None:
    file = tmp_path / "vectors.bin"
    vectors.save_word2vec_format(str(file), binary=binary)
    convert(file, tmp_path / "out")
    theirs = KeyedVectors.load_word2vec_format(str(file), binary=binary)
    ours = load(tmp_path / "out")
    assert ours.words == theirs.index_to_key
    assert np.array_equal(ours.matrix, theirs.vectors)
    assert not ours.lower_case, "there is a word with capitals"


def test_a_pulled_model_goes_back_to_gensim_and_to_word2vec_text(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.save_word2vec_format(str(tmp_path / "one.txt"))
    convert(tmp_path / "one.txt", tmp_path / "out")
    model = load(tmp_path / "out")
    again = KeyedVectors(model.dim)
    again.add_vectors(model.words, model.matrix)
    again.save_word2vec_format(str(tmp_path / "two.txt"))
    assert (tmp_path / "two.txt").read_bytes() == (tmp_path / "one.txt").read_bytes()


def test_vectors_are_mapped_and_not_read(tmp_path: Path) -> None:
    convert(written(tmp_path, GLOVE), tmp_path / "out")
    matrix = load(tmp_path / "out").matrix
    assert isinstance(matrix, np.memmap)
    assert not matrix.flags.writeable


def test_googles_own_binary_ends_each_vector_with_a_line_end(tmp_path: Path) -> None:
    row = np.array([1, -2], dtype="<f4").tobytes()
    convert(written(tmp_path, b"2 2\na " + row + b"\nb " + row + b"\n", "google.bin"), tmp_path / "out")
    assert load(tmp_path / "out").words == ["a", "b"]
    assert load(tmp_path / "out").matrix.tolist() == [[1, -2], [1, -2]]


def test_words_of_a_file_without_a_header_may_hold_blanks(tmp_path: Path) -> None:
    """GloVe's 840B file has such words."""
    convert(written(tmp_path, GLOVE + b". . . 1 2 3\nat name@domain.com 4 5 6\n"), tmp_path / "out")
    assert load(tmp_path / "out").words[3:] == [". . .", "at name@domain.com"]


@pytest.mark.parametrize(
    ("content", "words", "last"),
    [
        (b"the 1 2 3 4\n. . . 1 2 3 4\n1.5 .1 .2 .3 .4\n", ["the", ". . .", "1.5"], [0.1, 0.2, 0.3, 0.4]),
        (b". . . 1 2 3 4\nat name@x.com 1 2 3 4\nthe 1 2 3 4\n", [". . .", "at name@x.com", "the"], [1, 2, 3, 4]),
        (b"1.5 1 2 3\n-3 1 2 3\n2 000 1 2 3\nthe 1 2 3\n", ["1.5", "-3", "2 000", "the"], [1, 2, 3]),
        (b"\xef\xbb\xbfthe 1 2 3\nof 1 2 3\n", ["the", "of"], [1, 2, 3]),
        (b"\xef\xbb\xbf2 3\nthe 1 2 3\nof 1 2 3\n", ["the", "of"], [1, 2, 3]),
        (b"the\t1 2 3\nof\t4 5 6\n", ["the", "of"], [4, 5, 6]),
        (b"the\t1\t2\t3\nof\t4\t5\t6\n", ["the", "of"], [4, 5, 6]),
        (b"2 3\nthe\t1\t2\t3\nof\t4\t5\t6\n", ["the", "of"], [4, 5, 6]),
        (b"the 1 2 3\na\tb 1 2 3\n", ["the", "a\tb"], [1, 2, 3]),
        (b"the 1 2 3\nof 1 2 3\n\n", ["the", "of"], [1, 2, 3]),
        (b"the 1 2 3\r\nof 1 2 3\r\n\r\n\r\n", ["the", "of"], [1, 2, 3]),
        (b"2 3\nthe 1 2 3\nof 1 2 3\n\n", ["the", "of"], [1, 2, 3]),
        (b"the 1 2 3 4", ["the"], [1, 2, 3, 4]),
    ],
    ids=[
        "decimals-as-words", "first-word-of-parts", "numbers-as-words", "bom", "bom-header", "tab-after-word", "tabs",
        "header-tabs", "tab-in-word", "empty-end", "empty-ends-crlf", "header-empty-end", "one-line",
    ],
)  # fmt: skip
def test_vectors_of_other_programs_are_read_word_by_word(
    content: bytes, words: list[str], last: list[float], tmp_path: Path
) -> None:
    convert(written(tmp_path, content), tmp_path / "out")
    model = load(tmp_path / "out")
    assert model.words == words
    assert model.matrix[-1].tolist() == np.array(last, dtype=np.float32).tolist()


@pytest.mark.parametrize("header", [b"", b"4 3\n"])
def test_a_word_that_is_not_utf8_is_named_with_its_line_wherever_it_stands(header: bytes, tmp_path: Path) -> None:
    source = written(tmp_path, header + GLOVE + b"caf\xe9 1 2 3\n")
    with pytest.raises(BadArtifactError, match=rf"line {5 if header else 4}: the word b'caf\\xe9' is not UTF-8"):
        convert(source, tmp_path / "out")


def test_an_array_with_its_index_is_kept_in_its_own_type(tmp_path: Path) -> None:
    rows = np.asfortranarray(np.random.default_rng(1).normal(size=(4, 3)).astype(np.float16))
    source = pair(tmp_path / "pair", rows, ["a", "b", "c", "d"])
    convert(source, tmp_path / "out")
    model = load(tmp_path / "out")
    assert model.matrix.dtype == np.float16
    assert np.array_equal(model.matrix, rows)


def test_vectors_of_subwords_bring_their_tokenizer(tmp_path: Path) -> None:
    source = tmp_path / "subwords"
    (source / "weights").mkdir(parents=True)
    rows = np.arange(12, dtype=np.float16).reshape(4, 3)
    save_file({"embedding.weight": rows}, source / "weights/small.safetensors")
    save_tokenizer(source / "tokens.json", ["[UNK]", "red", "apple", "s"])
    convert(source, tmp_path / "out")
    model = load(tmp_path / "out")
    assert model.words == ["[UNK]", "red", "apple", "s"]
    assert model.tokens("red apple") == ["red", "apple"]
    assert model.embed(["red apple"]).tolist() == [[4.5, 5.5, 6.5]]
    again = convert(tmp_path / "out", tmp_path / "again")
    assert again.facts.architecture == "static_embeddings"
    assert (tmp_path / "again/tokenizer.json").is_file()


def test_a_pulled_folder_can_be_imported_again_byte_for_byte(tmp_path: Path) -> None:
    convert(written(tmp_path, GLOVE), tmp_path / "out")
    (tmp_path / "out/README.md").write_text("---\nlicense: pddl-1.0\n---\nGloVe")
    (tmp_path / "out/static_embeddings.py").write_text("raise SystemExit")
    converted = convert(tmp_path / "out", tmp_path / "again")
    assert converted.facts.licence == "pddl-1.0"
    for name in ("model.safetensors", "vocabulary.txt", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert not (tmp_path / "again/static_embeddings.py").exists()


# --- what is wrong is named ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GLOVE + b"torn 0.1 0.2\n", "line 4: 2 numbers instead of 3"),
        (GLOVE + b"torn 0.1 0.2", "line 4: 2 numbers instead of 3"),
        (GLOVE + b"two 0.1 0.2 0.3 0.4\n", "line 4: 4 numbers instead of 3"),
        (GLOVE + b"\n" + b"a 1 2 3\n", "line 4: 0 numbers instead of 3"),
        (GLOVE + b"one 1 nan 3\n", "line 4: the vector of 'one' holds nan"),
        (GLOVE + b"one 1 2 1e99\n", "line 4: the vector of 'one' holds inf"),
        (GLOVE + b"one 1 2,5 3\n", "line 4: number 2 of 'one' is '2,5'"),
        (GLOVE + b"king 1 2 3\n", "line 4: the word 'king' was already on line 2"),
        (GLOVE + b" 1 2 3\n", "line 4: there is no word"),
        (GLOVE + b"caf\xe9 1 2 3\n" + b"x 1 2 3\n" * 2000, r"line 4: the word b'caf\\xe9' is not UTF-8"),
        (b"4 3\n" + GLOVE, "line 1: the header announces 4 words, and 3 follow"),
        (b"2 3\n" + GLOVE, "line 1: the header announces 2 words, and 3 follow"),
        (b"3 2\n" + GLOVE, "line 2: 3 numbers instead of 2"),
    ],
)
def test_a_line_that_is_wrong_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BadArtifactError, match=said) as caught:
        TextVectorsImporter().convert(written(tmp_path, content), tmp_path / "out", architecture=None)
    assert caught.value.remedy
    assert not list((tmp_path / "out").iterdir())


def test_a_line_far_into_the_file_is_named_by_its_number(tmp_path: Path) -> None:
    lines = [f"word{n} {n / 7:.6f} {-n / 3:.4f} 0.5" for n in range(60_000)]
    lines[54_321] += "x"
    source = written(tmp_path, "\n".join(lines).encode())
    with pytest.raises(BadArtifactError, match=r"line 54,322: number 3 of 'word54321' is '0\.5x'"):
        convert(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: whole[:-1], "word 300 of 300: the file ends here"),
        (lambda whole: whole + b"more", "goes on after the 300 words"),
        (lambda whole: whole.replace(b"word7 ", b"word8 "), r"word 14 of 300: the word 'word8' was already on word 13"),
        (lambda whole: whole.replace(b"word7 ", b"word\xff "), "word 13 of 300: .* is not UTF-8"),
        (lambda whole: whole.replace(b"word7 ", b"x" * 5000), "word 13 of 300: no blank ends the word"),
    ],
)
def test_a_binary_file_that_is_wrong_says_at_which_word(
    change: object, said: str, vectors: KeyedVectors, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.bin"
    vectors.save_word2vec_format(str(file), binary=True)
    file.write_bytes(change(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BadArtifactError, match=said):
        convert(file, tmp_path / "out")


def test_not_a_number_in_a_binary_file_is_named(tmp_path: Path) -> None:
    rows = np.array([[1, 2], [np.nan, 2]], dtype="<f4")
    content = b"2 2\na " + rows[0].tobytes() + b"b " + rows[1].tobytes()
    with pytest.raises(BadArtifactError, match="word 2 of 2: the vector of 'b' holds nan"):
        convert(written(tmp_path, content, "v.bin"), tmp_path / "out")


@pytest.mark.parametrize(
    ("rows", "words", "said"),
    [
        (np.ones((2, 3)), ["a", "b", "c"], "has 2 rows, and index.parquet 3 words"),
        (np.ones((2, 3), dtype=np.int32), ["a", "b"], "are of type int32"),
        (np.ones(6), ["a", "b"], r"the shape \[6\]"),
        (np.ones((2, 3)), ["a", "a"], "row 1: the word 'a' was already on row 0"),
        (np.ones((2, 3)), ["a", None], "row 1: there is no word"),
        (np.array([[1.0, np.inf]]), ["a"], "row 0: the vector of 'a' holds inf"),
    ],
)
def test_an_array_that_does_not_fit_its_index_is_refused(
    rows: np.ndarray, words: list[str | None], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadArtifactError, match=said):
        convert(pair(tmp_path / "pair", rows, words), tmp_path / "out")


def test_an_array_of_objects_is_a_pickle_and_never_loaded(tmp_path: Path) -> None:
    source = pair(tmp_path / "pair", np.ones((1, 1)), ["a"])
    np.save(source / "vectors.npy", np.array([[print]], dtype=object), allow_pickle=True)
    with pytest.raises(BadArtifactError, match="cannot be read as an array"):
        convert(source, tmp_path / "out")


def test_a_folder_whose_words_and_vectors_do_not_fit_is_refused(tmp_path: Path) -> None:
    convert(written(tmp_path, GLOVE), tmp_path / "out")
    (tmp_path / "out/vocabulary.txt").write_text("the\nking\n")
    with pytest.raises(BadArtifactError, match=r"3 vectors, and 2 words in vocabulary\.txt"):
        convert(tmp_path / "out", tmp_path / "again")


def test_word_vectors_are_no_other_architecture(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="not 'efficientnet_lite0'"):
        convert(written(tmp_path, GLOVE), tmp_path / "out", "efficientnet_lite0")


@pytest.mark.parametrize("content", [b"The quick brown fox jumps.\n", b"text,label\nhello,1\n", b"{}", b"", b"3\n"])
def test_other_texts_are_no_vectors(content: bytes, tmp_path: Path) -> None:
    assert [importer for importer in IMPORTERS if importer.detect(written(tmp_path, content))] == []


def test_decimals_are_parsed_to_the_bit_as_python_parses_them() -> None:
    draw = np.random.default_rng(2)
    plain = [
        f"{value:.{places}f}"
        for value, places in zip(draw.normal(size=3000) * 50, draw.integers(1, 14, 3000), strict=True)
    ]
    strange = ["0", "-0", "-0.0", "5", "1e-05", "-1.5E+3", ".5", "-.25", "7.", "+1.5", "123456789012345678.25", "1e40"]
    numbers = [*plain, *strange]
    with np.errstate(over="ignore"):
        wanted = np.array([float(number) for number in numbers]).astype(np.float32)
    found = parse_decimals(" ".join(numbers).encode())
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    "text", ["1.2.3", "0.-5", "1 .", "- 1.0", "1_0.0", "1_0", "0x1", "1.0  2.0", "--1.5", "1,5", ""]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- Python's own sentence
        parse_decimals(text.encode())


# --- made sources --------------------------------------------------------------------------------------------------


def pair(folder: Path, rows: np.ndarray, words: list[str | None] | list[str]) -> Path:
    folder.mkdir()
    np.save(folder / "vectors.npy", rows)
    parquet.write_table(pa.table({"index": pa.array(words, pa.string())}), folder / "index.parquet")
    return folder


def save_tokenizer(file: Path, words: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(file))
