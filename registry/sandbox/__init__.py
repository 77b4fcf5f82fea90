"""Foreign files are read in processes of their own, with little time, little memory, no secrets and no network.

    converted = convert_in_subprocess(source, target, architecture=None, pickles=False, memory=0, seconds=600)
    summary = read_in_subprocess(source, HowToRead(), staging=work, cache=cache, limits=DataLimits())

Models: the parent (`registry.sandbox.parent`) starts `python -m registry.sandbox`, which is `registry.sandbox.child`;
their messages are in `registry.sandbox.wire`. Datasets: `readers`, `reading` and `data_wire` in the same way, which
also make the small pictures of `thumbnails`. This module imports none of them: each process loads what it needs.
"""
