"""When Python's garbage collector looks for garbage."""

import gc

# New objects before it looks; Python's own value is 700. A large batch is that many objects, none of them
# garbage before its end.
_THRESHOLD = 300_000


def look_for_garbage_rarely() -> None:
    """Call it when all is loaded: that stays, and need not be looked through, in processes forked later, too.

    To look through it takes a tenth of a second, a tenth of the time for two thousand changes.
    """
    gc.freeze()
    gc.set_threshold(_THRESHOLD)
