"""`python -m palsy_utils` is the command `palsy`."""

from palsy_utils.cli import main

if __name__ == "__main__":
    main(prog_name="palsy")
