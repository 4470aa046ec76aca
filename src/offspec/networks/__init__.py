"""Networks of the trained detectors and how they are trained; the only place that knows torch.

Nothing here is imported before a trained detector is fitted, and nothing of it is needed to run a
bundle. ``pip install 'offspec[torch]'`` installs what it needs.
"""
