"""How the embedded backbone is made: procedural scenes, episodes, training, export.

Not part of the wheel. Needs the ``torch`` extra. README.md in this folder gives the commands.
"""
