"""Names of tensors without what torch's wrappers put into them.

`torch.compile` saves a model's tensors as `_orig_mod.<name>`, also in the middle of a name where only a part was
compiled; DataParallel and DistributedDataParallel save `module.<name>`. The two can be nested in any order.
"""

from __future__ import annotations

from collections.abc import Iterable

COMPILED = "_orig_mod."
PARALLEL = "module."


def unwrapped_names(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The name of each tensor without wrappers, and a note for each wrapper that was removed.

    Names stay as they are where removing would be ambiguous: when only some of them begin with `module.`, or when two
    tensors would get one name.
    """
    ours = {name: name for name in names}
    notes: list[str] = []
    removed = {name: short.replace(COMPILED, "") for name, short in ours.items()}
    if removed != ours and len(set(removed.values())) == len(removed):
        ours = removed
        notes.append(f"removed {COMPILED!r} of torch.compile from the names of tensors")
    if ours and all(short.startswith(PARALLEL) for short in ours.values()):
        ours = {name: short.removeprefix(PARALLEL) for name, short in ours.items()}
        notes.append(f"removed {PARALLEL!r} of torch's DataParallel from the names of tensors")
    return ours, notes
