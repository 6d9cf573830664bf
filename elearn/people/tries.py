"""How many tries to sign in are taken, for each account, each address, and each pair of them.

Own counters rather than flask-limiter's: that one hooks into the whole application (a host's too), keys by request
only, and knows no second place to count when Redis is lost. Here Redis counts; when it is away the database does,
in a transaction of its own, because a refused sign-in rolls back. Keys are blinded: no name or address is stored.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from redis import Redis, RedisError

from elearn.clock import to_ms
from elearn.errors import TooMany
from elearn.people.identity import blind_index

logger = logging.getLogger(__name__)

WINDOW_S = 15 * 60
MOST_PAIR = 8
"""From one address for one account."""
MOST_ACCOUNT = 24
"""For one account, from everywhere; higher, so that a stranger does not easily lock somebody out."""
MOST_ADDRESS = 240
"""From one address; a whole training room may share it."""

UPSERT = sa.text(
    'INSERT INTO elearn.sign_in_try AS t (key, "window", tries) VALUES (:key, :window, 1) '
    'ON CONFLICT (key, "window") DO UPDATE SET tries = t.tries + 1 RETURNING tries'
)
SWEEP = sa.text('DELETE FROM elearn.sign_in_try WHERE "window" < :window')
GIVE_BACK = sa.text('UPDATE elearn.sign_in_try SET tries = tries - 1 WHERE key = :key AND "window" = :window')
FORGET = sa.text('DELETE FROM elearn.sign_in_try WHERE key = ANY(:keys) AND "window" = :window')


@dataclass(frozen=True, slots=True)
class Tries:
    """The counters of one application."""

    redis: Redis
    engine: sa.Engine
    index_key: bytes

    def count(self, account: str, address: str | None, *, now: datetime) -> None:
        """Count one try. Raises TooMany, saying when this window is over."""
        window, left_s = _window(now)
        limits = dict(zip(self._keys(account, address), (MOST_PAIR, MOST_ACCOUNT, MOST_ADDRESS), strict=True))
        try:
            counted = self._in_redis(list(limits), window)
        except RedisError:
            logger.warning("sign-in tries are counted in the database: Redis is away")
            counted = self._in_database(list(limits), window)
        if any(tries > most for tries, most in zip(counted, limits.values(), strict=True)):
            raise TooMany("Too many tries to sign in. Please wait and try again.", retry_after_s=left_s)

    def count_address(self, purpose: str, address: str | None, most: int, *, now: datetime) -> None:
        """Count one request from this address, for a purpose of its own. Raises TooMany."""
        window, left_s = _window(now)
        key = blind_index(self.index_key, f"try:{purpose}", network_of(address))
        try:
            [counted] = self._in_redis([key], window)
        except RedisError:
            [counted] = self._in_database([key], window)
        if counted > most:
            raise TooMany("Too many requests. Please wait and try again.", retry_after_s=left_s)

    def forget(self, account: str, address: str | None, *, now: datetime) -> None:
        """The account's holder came in: the tries for the account no longer count, nor does this one for the address.

        The wrong ones still count for the address; but a training room, or a town behind one address of its
        telephone company, is not shut out for signing in all at once.
        """
        window, _ = _window(now)
        *keys, shared = self._keys(account, address)
        try:
            with self.redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(*(_redis_key(key, window) for key in keys))
                pipeline.decr(_redis_key(shared, window))
                pipeline.expire(_redis_key(shared, window), 2 * WINDOW_S)
                pipeline.execute()
        except RedisError:
            with self.engine.begin() as connection:
                connection.execute(FORGET, {"keys": keys, "window": window})
                connection.execute(GIVE_BACK, {"key": shared, "window": window})

    def _keys(self, account: str, address: str | None) -> list[bytes]:
        network = network_of(address)
        return [
            blind_index(self.index_key, "try:pair", f"{account}\x00{network}"),
            blind_index(self.index_key, "try:account", account),
            blind_index(self.index_key, "try:address", network),
        ]

    def _in_redis(self, keys: list[bytes], window: int) -> list[int]:
        with self.redis.pipeline(transaction=True) as pipeline:
            for key in keys:
                pipeline.incr(_redis_key(key, window))
                pipeline.expire(_redis_key(key, window), 2 * WINDOW_S)
            return [int(answer) for answer in pipeline.execute()[::2]]

    def _in_database(self, keys: list[bytes], window: int) -> list[int]:
        with self.engine.begin() as connection:
            connection.execute(SWEEP, {"window": window})
            # In one order everywhere, so that two tries at once wait for each other instead of deadlocking.
            tries = {
                key: connection.execute(UPSERT, {"key": key, "window": window}).scalar_one() for key in sorted(keys)
            }
        return [int(tries[key]) for key in keys]


def _window(now: datetime) -> tuple[int, int]:
    """The number of the window, and the seconds until it is over (at least 1)."""
    seconds = to_ms(now) // 1000
    return seconds // WINDOW_S, WINDOW_S - seconds % WINDOW_S


def _redis_key(key: bytes, window: int) -> str:
    return f"elearn:tries:{key.hex()}:{window}"


def network_of(address: str | None) -> str:
    """An IPv6 customer owns a whole /64, so that is one address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
