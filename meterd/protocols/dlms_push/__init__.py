"""DLMS meters that push on a line: customer interfaces (HAN, optical heads) whose lists come in HDLC frames unasked."""
