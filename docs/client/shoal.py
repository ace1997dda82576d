"""A small client of the Shoal protocol: fetches and serves files and folders."""

import argparse

from fetch import Unavailable, Wrong, get
from serve import Server
from swarm import Swarm


def address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", type=address, default=("127.0.0.1", 8000))
    parser.add_argument("--swarm-key", metavar="FILE")
    commands = parser.add_subparsers(dest="command", required=True)
    getting = commands.add_parser("get", help="fetch a file or folder")
    getting.add_argument("name")
    getting.add_argument("-o", "--output", required=True)
    serving = commands.add_parser("serve", help="share files and folders until stopped")
    serving.add_argument("paths", nargs="+")
    serving.add_argument("--port", type=int, default=10000)
    given = parser.parse_args()
    swarm = Swarm(given.swarm_key) if given.swarm_key else None
    if given.command == "get":
        try:
            get(given.bootstrap, given.name, given.output, swarm)
        except (Unavailable, Wrong, OSError) as error:
            raise SystemExit(f"Cannot get {given.name!r}: {error}") from error
    else:
        server = Server(given.bootstrap, given.paths, given.port, swarm)
        listed = f"Serving {len(given.paths)} names on port {server.port}"
        server.stay_listed(told=lambda: print(listed, flush=True))


if __name__ == "__main__":
    main()
