"""What the kernel and systemd say: one file a format, each a type and its ``parse_*()``.

A parser takes text (of a binary file its bytes, named ``raw``) and gives a value or raises `ParseError` with file and
line, never another exception. It converts units once (everything ends in ``_bytes``, ``_seconds`` or a plain count) and
keeps what it does not know, because kernels add lines. It reads no file: room `host` does.
"""
