"""`python -m splitfog` and the `splitfog` command."""


def main() -> None:
    """Run the command line."""
    from splitfog.cli import app

    app()


if __name__ == "__main__":
    main()
