"""The structures of records.bpf.h, in its order."""

import struct

from unreclaim.host.raw_census import MAX_LEVELS

DYING = struct.Struct("=4Q4q2Q32s")
WALK = struct.Struct("=Q6I")
TARGET = struct.Struct("=2Q4q3Q2I")
PIN = struct.Struct("=8Q5I16s3I")
PIN_WALK = struct.Struct("=5Q10I")
HOLDER = struct.Struct("=2Q4i16s")
HOLDER_WALK = struct.Struct("=3Q4I")
WRITEBACK_WALK = struct.Struct("=3Q4I")

# The sizes of the arrays: a run fills at most so many.
DYING_RECORDS, TARGETS, PIN_RECORDS, HOLDER_RECORDS = 4096, 4096, 4096, 1024
TEXT_BYTES = 2**18 + 256
WALK_BYTES = WALK.size + MAX_LEVELS * 16
PIN_WALK_BYTES = PIN_WALK.size + 64

# Places of what user space sets and reads in the states, by the order of their members.
WALK_RECORDS, WALK_TEXT, WALK_DONE, WALK_RESUMED = 2, 3, 4, 5
WALK_AT = {"records": 12, "text": 16}
PIN_WALK_RECORDS, PIN_WALK_TEXT, PIN_WALK_DONE = 10, 11, 12

KNOWN = 3
"""The form of a path that is that of the same mapping's record before; others: `raw_census.WHOLE` and so on."""

FRAME = struct.Struct("=2Q")
FRAME_WALK = struct.Struct("=5Q")
