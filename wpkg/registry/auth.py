"""Answers to challenges: Basic, and Bearer tokens (distribution `docs/spec/auth/token.md` and `oauth.md`, v3.1).

A token is kept by registry and scopes until shortly before it ends, and asked for by one thread at a time. What
was refused is renewed once. A stored password that a token server refuses is left away where only reading is
wanted: public packages stay readable when a password has expired.
"""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urldefrag, urlencode, urlsplit

from msgspec import Struct

from wpkg.documents.strict_json import load_object
from wpkg.errors import InvalidInput
from wpkg.registry.errors import AskedToWait, Unauthorized, UnexpectedAnswer
from wpkg.registry.headers import parse_challenges
from wpkg.registry.origins import check_realm
from wpkg.registry.patience import NOT_NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.registry.credentials import Credential
    from wpkg.registry.headers import Challenge

MAX_TOKEN_ANSWER = 128 * 1024  # bytes
DEFAULT_LIFE = 60.0  # seconds, where a token server does not say
GRACE = 10.0  # seconds before its end when a token is not used any more
CLIENT_ID = "wpkg"

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_NO_POST = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


class Access(Struct, frozen=True):
    """What is wanted of which registry."""

    registry: str
    scopes: tuple[str, ...] = ()  # 'repository:acme/app:pull,push'
    path: str = ""  # of the repository, for credentials that are for part of a registry

    only_as_user: bool = False  # the question is whether the credential is good

    @property
    def may_be_anonymous(self) -> bool:
        """Whether it makes sense to go on without a credential that is refused: where nothing is changed."""
        return not self.only_as_user and not any("push" in scope for scope in self.scopes)


class TokenAnswer(Protocol):
    """What a token server answers."""

    status: int
    asked_to_wait: float | None  # seconds

    def header(self, name: str) -> str | None:
        """The value of a header."""

    def body(self, limit: int) -> bytes:
        """The whole body."""

    def close(self) -> None:
        """Leave the body unread."""


class AskServer(Protocol):
    """How a token server is asked: no redirects, no credentials but those given."""

    def __call__(
        self, method: str, url: str, what: str, headers: Mapping[str, str], body: bytes | None
    ) -> TokenAnswer:
        """The answer. Raises: Unreachable."""


class _Proof(Struct, frozen=True):
    """The value of an Authorization header, and when (monotonic seconds) it is good no more."""

    header: str
    ends: float


class Authorizer:
    """Proofs for the registries of one process. Safe for several threads."""

    def __init__(
        self,
        find: Callable[[str, str], Credential | None],  # by registry and path
        warn: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._warn = warn
        self._clock = clock
        self._proofs: dict[tuple[str, tuple[str, ...]], _Proof] = {}
        self._credentials: dict[tuple[str, str], Credential | None] = {}
        self._not_accepted: set[str] = set()  # registries whose stored login was refused
        self._locks: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    def header(self, access: Access) -> str | None:
        """What is known to be good for `access`, None when nothing is."""
        proof = self._proofs.get((access.registry, access.scopes))
        return proof.header if proof is not None and self._clock() < proof.ends else None

    def renew(self, access: Access, registry_url: str, said: str, used: str | None, ask: AskServer) -> str | None:
        """The header to try again with after a registry has refused `used`; None when there is nothing better.

        `said` is its `WWW-Authenticate`. Raises: Unauthorized, UnexpectedAnswer, Unreachable.
        """
        with self._lock_of(access.registry):
            known = self.header(access)
            if known is not None and known != used:
                return known  # another thread was faster
            self._proofs.pop((access.registry, access.scopes), None)
            proof = self._prove(access, registry_url, parse_challenges(said), ask)
            if proof is None or proof.header == used:
                return None
            self._proofs[access.registry, access.scopes] = proof
            return proof.header

    def hint(self, access: Access) -> str:
        """What a person can do about a refusal."""
        credential = self._credential(access)
        if credential is None:
            return f"log in with 'wpkg login {access.registry}'"
        who = f"'{credential.user}' " if credential.user else ""
        return (
            f"the stored login {who}for {access.registry} is not accepted for this; "
            f"'wpkg login {access.registry}' replaces it"
        )

    def _lock_of(self, registry: str) -> threading.RLock:
        with self._lock:
            return self._locks.setdefault(registry, threading.RLock())

    def _credential(self, access: Access) -> Credential | None:
        key = (access.registry, access.path)
        with self._lock_of(access.registry):
            if key not in self._credentials:
                self._credentials[key] = self._find(*key)
            return self._credentials[key]

    def _prove(
        self, access: Access, registry_url: str, challenges: list[Challenge], ask: AskServer
    ) -> _Proof | None:
        credential = self._credential(access)
        if credential is not None and credential.kind == "bearer":
            return _Proof(f"Bearer {credential.secret}", float("inf"))
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                return self._fetch_token(access, registry_url, challenge, credential, ask)
        if credential is not None and credential.kind == "password":
            for challenge in challenges:
                if challenge.scheme == "basic":
                    return _Proof(credential.basic, float("inf"))
        return None

    def _fetch_token(
        self,
        access: Access,
        registry_url: str,
        challenge: Challenge,
        credential: Credential | None,
        ask: AskServer,
    ) -> _Proof:
        if access.registry in self._not_accepted and access.may_be_anonymous:
            credential = None
        realm = challenge.parameters["realm"]
        what = f"token for {access.registry}"
        check_realm(registry_url, realm, what, with_credentials=credential is not None)
        scopes = _merge_scopes(access.scopes, challenge.parameters.get("scope", ""))
        query = [("service", challenge.parameters.get("service", "")), *(("scope", scope) for scope in scopes)]
        answer = _ask_for_token(realm, [item for item in query if item[1]], credential, what, ask)
        if answer.status in _REFUSED and credential is not None and access.may_be_anonymous:
            answer.close()
            self._not_accepted.add(access.registry)
            self._warn(f"{access.registry} refuses the stored login; going on without it")
            answer = _ask_for_token(realm, [item for item in query if item[1]], None, what, ask)
        if answer.status in _REFUSED:
            answer.close()
            raise Unauthorized(
                f"{what}: {urlsplit(realm).netloc} refused with status {answer.status}", hint=self.hint(access)
            )
        if answer.status != HTTPStatus.OK:
            answer.close()
            message = f"{what}: {urlsplit(realm).netloc} answered with status {answer.status}"
            if answer.status in NOT_NOW:
                raise AskedToWait(message, answer.status, answer.asked_to_wait)
            raise UnexpectedAnswer(message)
        return self._read_token(answer.body(MAX_TOKEN_ANSWER), what)

    def _read_token(self, data: bytes, what: str) -> _Proof:
        try:
            members = load_object(data)
        except InvalidInput:
            raise UnexpectedAnswer(f"{what}: the token server's answer is not JSON") from None
        token = members.get("token") or members.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise UnexpectedAnswer(f"{what}: the token server's answer holds no token")
        life = _life(members.get("expires_in"))
        return _Proof(f"Bearer {token}", self._clock() + max(life - GRACE, life / 2))


def _ask_for_token(
    realm: str, query: list[tuple[str, str]], credential: Credential | None, what: str, ask: AskServer
) -> TokenAnswer:
    """With an identity token by POST, where that is not known and else by GET."""
    if credential is not None and credential.kind == "identity":
        form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", credential.secret),
            ("client_id", CLIENT_ID),
            *query,
        ]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = ask("POST", realm, what, headers, urlencode(form).encode())
        if answer.status not in _NO_POST:
            return answer
        answer.close()
    realm = urldefrag(realm).url
    url = realm + ("&" if urlsplit(realm).query else "?") + urlencode([*query, ("client_id", CLIENT_ID)])
    return ask("GET", url, what, {"Authorization": credential.basic} if credential is not None else {}, None)


def _merge_scopes(wanted: tuple[str, ...], said: str) -> list[str]:
    """The scopes that are wanted, and those that the registry says are needed; none twice."""
    return list(dict.fromkeys([*wanted, *said.split()]))


def _life(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if is_number else DEFAULT_LIFE
