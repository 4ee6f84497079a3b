"""Run the program as ``python -m unreclaim``."""

from unreclaim.cli.main import main

if __name__ == "__main__":
    main()
