"""Drive the simulator: its Python, and in there its objects. RPyC or Sinew, either will do.

python3 script.py 127.0.0.1 18812
"""

import sys

import rpyc

CONTROLLER = """
import math
import tank

def controller(level):
    return math.sqrt(max(0.0, 3.0 - level))

tank.control(controller)
"""


def main() -> None:
    """Fill the tank by hand, then let a controller do it."""
    conn = rpyc.classic.connect(sys.argv[1], int(sys.argv[2]))
    tank = conn.modules.tank
    tank.inflow = 0.1
    tank.run(3600)
    print(f"by hand: {tank.level:.2f}")
    conn.execute(CONTROLLER)
    asked = tank.run(600)
    print(f"controlled: {tank.level:.2f}, asked {asked} times")
    conn.close()


if __name__ == "__main__":
    main()
