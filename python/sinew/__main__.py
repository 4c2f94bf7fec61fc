"""The program `sinew`: its commands that need an interpreter. The others are written in C++."""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import sinew

# Put there by the installation, if it was built.
_PROGRAM = Path(__file__).with_name("_program") / "sinew"
_COMMANDS = ("classic", "registry", "serve", "spawn")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code. For what C++ does, this process becomes that."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] not in [[name] for name in _COMMANDS]:
        _become_program(argv)
        if argv and not argv[0].startswith("-"):
            sys.stderr.write(
                f"sinew: {argv[0]}: the commands in C++ are not installed here "
                "(they need CLI11 and libedit's header when Sinew is built)\n"
            )
            return 2
    if argv[:1] == ["classic"]:
        from sinew.rpyc.cli.rpyc_classic import main as classic  # noqa: PLC0415

        return int(classic(argv[1:], "sinew classic"))
    if argv[:1] == ["registry"]:
        from sinew.rpyc.cli.rpyc_registry import main as registry  # noqa: PLC0415

        return int(registry(argv[1:], "sinew registry"))
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130


def _become_program(argv: list[str]) -> None:
    """Replace this process by the program in C++, if that is there."""
    if os.access(_PROGRAM, os.X_OK):
        environment = {**os.environ, "SINEW_PYTHON": sys.executable or "python3"}
        os.execve(_PROGRAM, ["sinew", *argv], environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sinew",
        description="Objects in other processes.",
        epilog="examples:\n"
        "  sinew classic --port 18812      offer this machine's interpreter to peers you trust\n"
        "  sinew serve lab:Oscilloscope    offer an object, or a new one to each client\n"
        "  sinew spawn --python /opt/python38/bin/python    drive another Python from here",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sinew {sinew.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("classic", help="a classic server: `sinew classic --help`", add_help=False)
    commands.add_parser("registry", help="find services by name in a network", add_help=False)
    serve = commands.add_parser("serve", help="serve an object or a class")
    serve.add_argument("thing", metavar="MODULE:OBJECT", help="what to serve")
    serve.add_argument(
        "uri", nargs="?", default="tcp://127.0.0.1:18861", help="where (default: %(default)s)"
    )
    serve.add_argument(
        "--token-file",
        metavar="FILE",
        help="serve only who knows the token in this file (default: what SINEW_TOKEN_FILE or "
        "SINEW_TOKEN in the environment says)",
    )
    serve.add_argument(
        "--insecure", action="store_true", help="serve whoever connects, from other machines, too"
    )
    serve.set_defaults(run=_serve)
    _add_spawn(commands)
    tls = serve.add_argument_group("with tls://HOST:PORT")
    tls.add_argument("--certfile", metavar="FILE", help="the certificate to show")
    tls.add_argument("--keyfile", metavar="FILE", help="its key, if that is another file")
    tls.add_argument(
        "--cafile", metavar="FILE", help="serve only who shows a certificate signed by these"
    )
    return parser


def _add_spawn(commands: Any) -> None:
    spawn = commands.add_parser(
        "spawn",
        help="drive another Python from here",
        description="Start a helper process with another Python, which needs nothing of Sinew, and "
        "an interpreter here in which `conn` is the connection to it. Without a terminal, the "
        "program on standard input is run instead.",
    )
    spawn.add_argument("--python", metavar="PROGRAM", required=True, help="CPython, 3.8 or later")
    spawn.add_argument(
        "options", nargs="*", metavar="OPTION", help="options of that Python, behind --"
    )
    spawn.set_defaults(run=_spawn)


def _spawn(options: argparse.Namespace) -> int:
    try:
        conn = sinew.spawn(options.python, options=options.options)
    except OSError as error:
        sys.stderr.write(f"sinew spawn: {error.strerror or error}\n")
        return 1
    with conn:
        names = {"__name__": "__main__", "conn": conn}
        if not sys.stdin.isatty():
            exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
            return 0
        import code  # noqa: PLC0415

        code.interact(f"conn: Python {conn.modules.sys.version}", local=names, exitmsg="")
    return 0


_REMEDY = (
    "add --token-file FILE with a token that clients know, or tls:// with --certfile, --keyfile "
    "and --cafile for clients with certificates, or --insecure if that is meant"
)


def _serve(options: argparse.Namespace) -> int:
    from sinew.binding import refuse_open  # noqa: PLC0415 - not for --help
    from sinew.serving import address_of, make_server  # noqa: PLC0415

    try:
        thing = _find(options.thing)
        files = {name: getattr(options, name) for name in ("certfile", "keyfile", "cafile")}
        given: dict[str, Any] = {name: file for name, file in files.items() if file}
        if options.token_file:
            given["token"] = Path(options.token_file)
        server = make_server(thing, options.uri, insecure=True, **given)
        if not options.insecure:
            refuse_open(server, _REMEDY)
        server._listen()  # whoever reads the address may connect at once
    except OSError as error:
        sys.stderr.write(f"sinew serve: {error.strerror or error}\n")
        return 1
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        sys.stderr.write(f"sinew serve: {error}\n")
        return 2
    signal.signal(signal.SIGTERM, _end)  # before anybody can know that it serves
    sys.stderr.write(f"serving {options.thing} at {address_of(server)}, Ctrl-C ends\n")
    server.start_and_settle()
    return 0


def _end(number: int, _: Any) -> None:
    """End in good order: connections are closed, and their ends are told."""
    raise SystemExit(128 + number)


def _find(text: str) -> Any:
    module, separator, name = text.partition(":")
    if not separator:
        raise ValueError(f"{text!r} is not of the form MODULE:OBJECT")
    sys.path.insert(0, "")
    thing = importlib.import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


if __name__ == "__main__":
    sys.exit(main())
