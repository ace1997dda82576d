"""One end of a transfer by libtorrent, over TCP on this machine.

seed TORRENT FOLDER: prints its port and serves until it is ended.
fetch TORRENT FOLDER PORT: fetches from that port and prints the seconds it took.
swarm-seed TORRENT FOLDER PORT RATE: listens on that port of all addresses, prints it, and serves.
swarm-fetch TORRENT FOLDER PORT RATE START PEER...: the same; at START, in seconds since 1970, begins
    to fetch from all those HOST:PORT, prints the seconds it took, and serves on.
RATE is the most bytes a second each way; 0 is no limit.
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


def listen(session, port, rate):
    session.apply_settings({
        "listen_interfaces": "0.0.0.0:" + port,
        "upload_rate_limit": int(rate),
        "download_rate_limit": int(rate),
    })
    # Without this the limits would not hold for peers of the local network.
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << session.global_peer_class_id)
    session.set_peer_class_filter(everybody)
    until(lambda: session.listen_port() == int(port))


def swarm_seed(session, torrent, folder, port, rate):
    listen(session, port, rate)
    seed(session, torrent, folder)


def swarm_fetch(session, torrent, folder, port, rate, start, *peers):
    listen(session, port, rate)
    handle = add(session, torrent, folder, False)
    until(lambda: handle.status().state == lt.torrent_status.downloading)
    print(port, flush=True)
    time.sleep(max(0, float(start) - time.time()))
    for peer in peers:
        host, at = peer.rsplit(":", 1)
        handle.connect_peer((host, int(at)))
    until(lambda: handle.status().is_seeding)
    print("took", time.time() - float(start), flush=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    actions = {
        "seed": seed,
        "fetch": fetch,
        "swarm-seed": swarm_seed,
        "swarm-fetch": swarm_fetch,
    }
    actions[sys.argv[1]](lt.session(SETTINGS), *sys.argv[2:])
