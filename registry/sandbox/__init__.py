"""Foreign files are converted in a process of their own, with little time, little memory, no secrets and no network.

    converted = convert_in_subprocess(source, target, architecture=None, pickles=False, memory=0, seconds=600)

The parent (`registry.sandbox.parent`) starts `python -m registry.sandbox`, which is `registry.sandbox.child`; their
messages are in `registry.sandbox.wire`.
"""

from registry.sandbox.parent import convert_in_subprocess

__all__ = ["convert_in_subprocess"]
