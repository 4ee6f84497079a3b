"""What we say about a host: facts (Host, Sample), the catalogue of fields, and judgements (Diagnosis).

Nothing here reads a host or decides what its figures mean; arithmetic on one sample's own facts belongs here.
None means that the kernel does not say; 0 means that it says zero; a `Gap` says why something is missing.
"""
