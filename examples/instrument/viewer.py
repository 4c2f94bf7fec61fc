"""Watch the camera of an instrument.

    python examples/instrument/viewer.py tcp://127.0.0.1:PORT [FRAMES]

Ctrl-C, or the number of FRAMES, ends it.
"""

import sys

from frames import Viewer

import sinew


def main(uri, most="inf"):
    viewer = Viewer()
    with sinew.connect(uri) as conn:
        print("exposure", conn.root.exposure, "ms", flush=True)
        subscription = conn.root.subscribe(viewer.show)
        while viewer.taken < float(most):
            conn.serve()  # runs what the instrument asks of us: here, show()
        subscription.stop()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
