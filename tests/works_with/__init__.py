"""What others wrote, run over archives and URLs of holdall: see `__main__`."""
