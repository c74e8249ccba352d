"""The rules: one subject a file, each file ending with its `RULES`. `registry` lists them all."""
