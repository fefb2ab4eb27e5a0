"""The screens: the Lab and the dialogs over it."""
