"""One gateway of many: what it is given once (`provision`), and what it may be asked from afar (`remote`).

Rules of the room: off unless somebody turns it on; nothing is done for a request that is not signed and new; nothing is
half done, whatever fails or whoever pulls the plug; what was not confirmed is taken back; no secret leaves or comes in.
"""
