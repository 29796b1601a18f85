"""``python -m diarbook`` is the command ``diarbook``."""

from diarbook.cli import main

if __name__ == "__main__":
    main()
