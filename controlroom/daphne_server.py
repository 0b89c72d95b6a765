"""`python -m controlroom.daphne_server`: Daphne's own command, with the same options, that does not speak TLS.

`daphne` does the same and can; what it loads for that takes 4 MB. A browser's TLS ends at a proxy before it.
"""

from __future__ import annotations

from controlroom.hidden_packages import hide_package

with hide_package("OpenSSL"):
    from daphne.cli import CommandLineInterface


def main() -> None:
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
