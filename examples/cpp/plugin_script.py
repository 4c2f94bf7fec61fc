"""Extend the C++ program plugin_host while it runs. RPyC or Sinew, either will do.

python3 plugin_script.py 127.0.0.1 18861
"""

import sys

import rpyc


def number_words(line: str) -> str:
    """Say how many words a line has."""
    return f"{line} ({len(line.split())} words)"


def drop_comments(line: str) -> "str | None":
    """Drop what begins with #."""
    return None if line.startswith("#") else line


def main() -> None:
    """Put two filters in, and run them until the host ends or Ctrl-C."""
    conn = rpyc.connect(sys.argv[1], int(sys.argv[2]))
    conn.root.add("drop_comments", drop_comments)
    conn.root.add("number_words", number_words)
    print(*conn.root.names(), flush=True)
    conn.serve_all()


if __name__ == "__main__":
    main()
