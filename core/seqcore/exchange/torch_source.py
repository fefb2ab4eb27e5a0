"""Python source of the PyTorch module that exported weights load into: plain torch.nn modules, sizes filled in.

The source is meant to be read and edited: one short class, or one for the encoder, the decoder and both together.
Submodule names are those of the family's layout; constants that are not parameters (sinusoids, angles) are
non-persistent buffers, absent from the state dict.
"""

import re

from seqcore.exchange.contents import Described
from seqcore.exchange.families.table import family_of
from seqcore.exchange.family import Source
from seqcore.naming import described

_IMPORTS = {r"\btorch\.": "import torch", r"\bF\.": "import torch.nn.functional as F"}  # by what needs them

_LOAD = '''def load(file: str = {file}) -> Model:
    """Load the weights and return the model in eval mode; model.train() re-enables dropout."""
    model = Model()
    model.load_state_dict(load_file(file), strict=True)
    return model.eval()'''


def source(model: Described, file: str) -> str:
    """Return the source of the module, in ASCII. `file` is the default path of the weights in its `load`."""
    found = family_of(model.config).source(model)
    parts = list(found.parts)
    head = _head(described(model.config), found, "\n".join(parts))
    return "\n\n\n".join((head, *parts, _LOAD.format(file=_literal(file)))) + "\n"


def _literal(text: str) -> str:
    """Return an ASCII Python literal of the text, in double quotes if that needs no escapes."""
    literal = ascii(text)
    return literal if '"' in literal else f'"{literal[1:-1]}"'


def _in_ascii(name: str) -> str:
    return name.replace("×", " x ").replace("→", " -> ")


def _head(name: str, found: Source, text: str) -> str:
    return "\n".join(
        [
            f'"""{_in_ascii(name)} over {found.over}, exported by seqtui.',
            "",
            found.stored,
            '"""',
            "",
            *(line for pattern, line in _IMPORTS.items() if re.search(pattern, text)),
            "from safetensors.torch import load_file",
            "from torch import Tensor, nn",
        ]
    )
