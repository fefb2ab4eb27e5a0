"""Take the screenshots for the README: the real program after one minute of training.

python docs/take_picture.py [SECONDS [NAME]]
"""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

os.environ |= {"COLORTERM": "truecolor", "TERM": "xterm-256color"}
os.environ.pop("NO_COLOR", None)

from seqtui.live.session import LiveSession
from seqtui.tui.app import SeqtuiApp

SIZE = (120, 36)
PICTURES = {  # tokens, and the keys that are pressed before the picture is taken
    "lab": ("char", ["down", "right", "right"]),  # select a unit and move the playhead
    "encodings": ("word", ["f2", "left", "left", "left", "left"]),
}


async def main(name: str, seconds: float) -> None:
    """Train for `seconds`, press a few keys, and save the screenshot."""
    tokens_by, keys = PICTURES[name]
    session = LiveSession("tales", tokens_by=tokens_by)
    app = SeqtuiApp(session)
    async with app.run_test(size=SIZE) as pilot:
        while session.snapshot().seconds < seconds:
            await pilot.pause(0.2)
        for key in keys:
            await pilot.press(key)
        await pilot.pause(3.0)
        drawn = app.export_screenshot()
    session.close()
    # No web fonts: any monospaced font works, since the SVG sets the width of each text.
    drawn = re.sub(r"@font-face\s*{[^}]*}", "", drawn).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    picture = Path(__file__).parent / f"{name}.svg"
    picture.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQTUI_RUNS_DIR"] = folder
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
        for name in sys.argv[2:] or PICTURES:
            asyncio.run(main(name, seconds))
