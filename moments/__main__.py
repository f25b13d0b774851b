"""``python -m moments`` is the command ``moments``."""

from moments.cli import main

if __name__ == "__main__":
    main()
