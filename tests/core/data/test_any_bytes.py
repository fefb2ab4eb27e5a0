"""Any bytes given as a corpus either work or are refused in one line; no control character reaches the terminal."""

import gzip
import io
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from seqcore.data.corpus import read_corpus
from seqcore.data.ngrams import references
from seqcore.data.vocabulary import KINDS, Vocabulary
from seqcore.errors import SeqError

from seqtui.visible import cell, visible

corpora = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="ab \n\r\t\x1b\x07\u202e\u200b\u0301\u3042\ufeff", max_size=120).map(str.encode),
    st.text(max_size=60).map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.binary(max_size=100).map(gzip.compress),
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=corpora,
    kind=st.sampled_from(KINDS),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "latin-1", "utf-16", "utf-7", "cp1252"]),
)
@example(b"", "char", "utf-8")
@example(b"aaaa", "char", "utf-8")
@example(b"\xef\xbb\xbf", "char", "utf-8")
@example(b"\x1b]0;title\x07 and \x9b31m", "char", "latin-1")
def test_any_corpus_works_or_is_refused_in_one_line(data: bytes, kind: str, encoding: str) -> None:
    try:
        corpus = read_corpus("-", stdin=io.BytesIO(data), encoding=encoding, as_bytes=kind == "byte")
        vocabulary = Vocabulary.build(kind, corpus)
    except SeqError as refused:
        line = str(refused)
        assert line.isprintable()
        assert len(line) < 300
        return
    text: str | bytes = corpus.data if kind == "byte" else corpus.text
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert 0 <= ids.min() <= ids.max() < vocabulary.size
    decoded = vocabulary.decode(ids)
    assert decoded == (corpus.data.decode("utf-8", "replace") if kind == "byte" else corpus.text)
    shown = visible(decoded) + "".join(cell(symbol) for symbol in vocabulary.symbols)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    found = references(ids, ids, vocabulary.size)
    assert np.isfinite(found.trigram) or len(ids) < 2


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=corpora)
@pytest.mark.parametrize("name", ["corpus.gz", "corpus.txt"])
def test_any_file_works_or_is_refused_in_one_line(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    for source in (tmp_path, tmp_path / name):
        try:
            assert read_corpus(str(source)).text.strip()
        except SeqError as refused:
            line = str(refused)
            assert line.isprintable()
