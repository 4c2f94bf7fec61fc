"""`sinew completion`: what shells complete."""

import shutil
import subprocess

import pytest

from harness.combos import ours_only

pytestmark = ours_only


def completed(said, line):
    """Return what bash offers at the end of a line, by its own rules."""
    words = line.split(" ")
    script = said("completion", "bash") + (
        f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words) - 1}; "
        'COMP_LINE="x"; _sinew; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_and_options(said):
    assert completed(said, "sinew c") == ["call", "classic", "completion"]
    assert completed(said, "sinew ping --i") == ["--insecure", "--interval"]
    assert completed(said, "sinew ping lab") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_script_is_one_of_its_shell(said, shell):
    text = said("completion", shell)
    assert all(name in text for name in ("ping", "registry", "interval"))
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: its script is not parsed")
    subprocess.run([shell, "-n"], input=text, text=True, timeout=20, check=True)


def test_another_shell_is_a_line(complaint):
    assert "none of bash, zsh and fish" in complaint(2, "completion", "tcsh")
