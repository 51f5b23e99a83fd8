"""`python -m vdsm` is `vdsm`."""

from vdsm.cli import main

if __name__ == "__main__":
    main()
