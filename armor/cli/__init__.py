"""The console script `armor`: one module per command, each loaded only when it is called."""
