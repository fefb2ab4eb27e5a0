"""The settings file of the person who uses the program: how it is read and checked, and how it is printed."""
