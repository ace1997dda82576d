"""One end of a transfer by libtorrent, over TCP on this machine.

seed TORRENT FOLDER: prints its port and serves until it is ended.
fetch TORRENT FOLDER PORT: fetches from that port and prints the seconds it took.
"""

import sys
import time

import libtorrent as lt

SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "allow_multiple_connections_per_ip": True,
    "alert_mask": lt.alert.category_t.status_notification,
}


def add(session, torrent, folder, seeding):
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = folder
    flags = lt.torrent_flags
    params.flags &= ~(flags.auto_managed | flags.paused)
    if seeding:
        params.flags |= flags.seed_mode
    return session.add_torrent(params)


def until(condition):
    while not condition():
        time.sleep(0.005)


def seed(session, torrent, folder):
    handle = add(session, torrent, folder, True)
    until(lambda: handle.status().is_seeding and session.listen_port() > 0)
    print(session.listen_port(), flush=True)
    while True:
        time.sleep(1)


def fetch(session, torrent, folder, port):
    start = time.monotonic()
    handle = add(session, torrent, folder, False)
    until(lambda: handle.status().state == lt.torrent_status.downloading)
    handle.connect_peer(("127.0.0.1", int(port)))
    until(lambda: handle.status().is_seeding)
    print(time.monotonic() - start, flush=True)


if __name__ == "__main__":
    actions = {"seed": seed, "fetch": fetch}
    actions[sys.argv[1]](lt.session(SETTINGS), *sys.argv[2:])
