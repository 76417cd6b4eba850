// Has no code: its precompiled headers are those of all tests.
