"""The solvers that mpsolve races against, each with the settings that suit it best."""

import pkgutil

from benchmarks.race.peers.peer import Peer

__all__ = ["PEERS", "load_peer"]

#: Where each is, by the name that tables and the command line use; every peer is
#: imported by its own process alone.
PEERS = {
    "HiGHS": "benchmarks.race.peers.highs:Highs",
    "SCIP": "benchmarks.race.peers.scip:Scip",
    "CP-SAT": "benchmarks.race.peers.cp_sat:CpSat",
    "CBC": "benchmarks.race.peers.cbc:Cbc",
}


def load_peer(name: str) -> Peer:
    """Import a peer and return it."""
    peer = pkgutil.resolve_name(PEERS[name])()
    if not isinstance(peer, Peer):
        msg = f"{PEERS[name]} is not a Peer"
        raise TypeError(msg)
    return peer
