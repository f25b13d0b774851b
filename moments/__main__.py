"""`python -m moments`: the same as the command `moments`."""

from moments.cli import main

if __name__ == "__main__":
    main()
