"""Commands that steer the training."""

from seqtui.live.snapshot import Phase
from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.diverged import BackDialog
from seqtui.tui.registry import Commands, Group

SLOWER, FASTER = 0.8, 1.25  # factors of the learning rate per key press; one undoes the other

TRAINING: Commands[View] = Commands()
_command = TRAINING.command


@_command("space", "Pause or resume", Group.TRAINING, label="pause", alternate="resume", rank=0)
def pause(view: View) -> None:
    """Pause or resume training."""
    if view.newest.phase is Phase.PAUSED:
        view.session.resume()
    else:
        view.session.pause()


@_command("s", "One step", Group.TRAINING, label="step", rank=2)
def step(view: View) -> None:
    """Train one step, then pause."""
    view.session.one_step()


@_command("left_square_bracket", "Learning rate down", Group.TRAINING, label="rate", rank=3)
def rate_down(view: View) -> None:
    """Lower the learning rate by 20%."""
    view.session.scale_rate(SLOWER)


@_command("right_square_bracket", "Learning rate up", Group.TRAINING, label="rate", rank=3)
def rate_up(view: View) -> None:
    """Raise the learning rate by 25%."""
    view.session.scale_rate(FASTER)


@_command("w", "Save", Group.TRAINING, label="save", rank=7)
def save(view: View) -> None:
    """Write a checkpoint now."""
    view.session.save()


@_command("R", "Recover", Group.TRAINING)
def recover(view: View) -> None:
    """Return to the last checkpoint, at half its learning rate."""

    def take(back: bool) -> None:
        if back:
            view.session.recover()

    now = view.newest
    if now.phase is Phase.DIVERGED:
        view.session.recover()
    elif now.checkpoint_step is None or now.checkpoint_step >= now.step:
        view.say("There are no steps since the last checkpoint.")
    else:
        view.ask(BackDialog(now), take)
