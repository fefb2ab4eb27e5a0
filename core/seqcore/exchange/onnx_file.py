"""Weights as ONNX graphs of standard operators: tokens (T, B) int64 to logits (T, B, K), with T and B dynamic.

A model of real values reads "values" (T, B, D) float32; one that predicts some returns them as "predicted" (T, B, K).
Recurrent models also take and return their state, see `families.recurrent`. An encoder-decoder has two graphs, see
`families.pairs` and `families.pairs_transformer`.
"""

from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, told
from seqcore.exchange.families.table import family_of
from seqcore.exchange.onnx_graph import onnx_module
from seqcore.naming import described

_LARGEST = 2_000_000_000  # bytes of weights: a protobuf message is limited to 2 GiB


def onnx_files(contents: Contents) -> dict[str, bytes]:
    """Return the contents of the .onnx files by the name of their graph: "", or "encoder" and "decoder".

    Raises SeqError if onnx is not installed, or the model exceeds 2 GB.
    """
    onnx_module()
    size = sum(array.nbytes for array in contents.arrays.values())
    if size > _LARGEST:
        raise SeqError(
            f"an ONNX file holds at most 2 GB, but this model's weights are {size / 1e9:.1f} GB: use --to torch"
        )
    about, properties = described(contents.config), told(contents)
    graphs = family_of(contents.config).graphs(contents)
    return {name: graph.model(about, properties).SerializeToString() for name, graph in graphs.items()}
