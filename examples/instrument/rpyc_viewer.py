"""Watch the camera of an instrument from a machine that has RPyC 6, and nothing of Sinew.

    python examples/instrument/rpyc_viewer.py 127.0.0.1 PORT [FRAMES]

Ctrl-C, or the number of FRAMES, ends it.
"""

import sys

import rpyc
from frames import Viewer


def main(host, port, most="inf"):
    viewer = Viewer()
    with rpyc.connect(host, int(port)) as conn:
        print("exposure", conn.root.exposure, "ms", flush=True)
        subscription = conn.root.subscribe(viewer.show)
        while viewer.taken < float(most):
            conn.serve()
        subscription.stop()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
