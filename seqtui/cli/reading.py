"""Reading a corpus or a text that was named on the command line."""

from seqcore.data.corpus import Corpus, read_corpus

from seqtui.cli.boundary import complain


def read(source: str, encoding: str, as_bytes: bool) -> Corpus:
    """Read a corpus; what the user should know about it goes to standard error. Raises SeqError."""
    corpus = read_corpus(source, encoding=encoding, as_bytes=as_bytes)
    for line in corpus.remarks:
        complain(line)
    return corpus
