"""What becomes of processes that are not children of the tests."""


def is_gone(pid):
    """Tell whether a process has ended, or is a zombie that nobody has reaped yet."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
