"""The view of the encodings in words: the token at the playhead, its index, its vector."""

from seqtui.tui.panes.readout import Part, quoted
from seqtui.tui.panes.subject import UNKNOWN, Subject
from seqtui.tui.widgets.numbers import counted, significant

_NOUNS = {"char": "character", "byte": "byte", "word": "word", "bpe": "token"}


def token_said(subject: Subject) -> list[Part]:
    """Return which token it is: `cat` is token 312 of 4,020, read 46 times in an epoch."""
    token, probe, vectors = subject.token, subject.probe, subject.vectors
    if token is None:
        if probe is None:
            return []
        return [Part(quoted(probe.symbols[subject.playhead]), True), Part(f" is not in {subject.vocabulary}")]
    if vectors is not None:
        symbol = vectors.symbols[token]
    elif probe is not None:
        symbol = probe.symbols[subject.playhead]
    else:
        return []
    name = subject.name(symbol)
    said = [Part(f"`{name}`", True), Part(" is token "), Part(f"{token:,}", True), Part(f" of {subject.size:,}")]
    if subject.side:
        said += [Part(f" in {subject.vocabulary}")]
    if symbol == UNKNOWN and subject.tokens_by in ("char", "word"):
        said += [Part(f": it stands for every {_NOUNS[subject.tokens_by]} that is not in {subject.vocabulary}")]
    elif vectors is not None and vectors.counts.any():
        said += [Part(f", read {counted(int(vectors.counts[token]), 'time')} in an epoch")]
    return said


def vector_said(subject: Subject) -> list[Part]:
    """Return what the model reads instead of the token: a vector of numbers, or a row of its first weights."""
    token, vectors = subject.token, subject.vectors
    if token is None or vectors is None:
        return []
    width = Part(f"{vectors.vectors.shape[1]:,}", True)
    norm = Part(significant(float(vectors.norms[token])), True)
    if vectors.one_hot:
        return [Part("no embedding: the one-hot vector times W_xh is row "), Part(f"{token:,}", True),
                Part(" of W_xh, "), width, Part(" numbers, norm "), norm]  # fmt: skip
    return [Part("its vector, row "), Part(f"{token:,}", True), Part(" of the embedding, has "), width,
            Part(" numbers, norm "), norm]  # fmt: skip


def padding_said(subject: Subject) -> list[Part]:
    """Return whether batches are padded, and with what."""
    if subject.side:
        return [Part("in training, sources are padded in front and targets behind: masked, no loss and no gradient")]
    if subject.classes:
        return [Part("in training, shorter texts of a batch end in <pad>: token 0, masked, no loss and no gradient")]
    return [Part("the corpus is one long text: batches have no padding")]
