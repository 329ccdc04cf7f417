"""Requests to an embedding server: JSON there and back, tried again while there is hope; the only place with httpx."""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import InvalidInput, Unavailable
from ..types import parse_count

if TYPE_CHECKING:
    import httpx

_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_FIRST_WAIT = 0.5  # seconds; it doubles from try to try
_LONGEST_WAIT = 60.0
_SHOWN = 500  # characters of a server's message


class Endpoint:
    """A server's base URL, with what every request carries. Threads may share it."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        retries: int,
        sleep: Callable[[float], object],
    ) -> None:
        if not _is_url(base_url):
            raise InvalidInput(f"base_url is a URL, http:// or https://…; got {base_url!r}")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):
            raise InvalidInput(f"timeout is seconds, above 0; got {timeout!r}")
        self._base = base_url.rstrip("/")
        self._headers = dict(headers)
        self._timeout = float(timeout)
        self._tries = parse_count(retries, "retries", 0) + 1
        self._sleep = sleep
        self._random = random.Random()
        self._client: httpx.Client | None = None
        self._process = 0
        self._making = threading.Lock()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON a server answers with.

        Raises
        ------
        InvalidInput
            If the server refuses the request; its message is in the error's.
        Unavailable
            If it can't be reached, or fails, however often it is tried; or answers what is no JSON.
        """
        where = f"{method} {_shown(self._base)}{path}"
        wrong, wait = "", 0.0
        for number in range(self._tries):
            if number:
                self._sleep(wait)
            wait = self._back_off(number)
            try:
                answer = self._http().request(method, self._base + path, json=body)
            except self._lost() as error:
                wrong = f"{type(error).__name__}: {error}"
                continue
            if answer.is_success:
                try:
                    return answer.json()
                except ValueError as error:
                    raise Unavailable(f"{where} answered what is no JSON: {answer.text!r:.80}") from error
            wrong = f"{answer.status_code}: {self._without_secrets(_message(answer))}"
            if answer.status_code not in _AGAIN or "insufficient_quota" in answer.text:
                raise InvalidInput(f"{where} was refused with {wrong}{_hint(answer.status_code)}")
            asked = _retry_after(answer.headers.get("retry-after"))
            if asked is not None:
                if asked > _LONGEST_WAIT:
                    raise Unavailable(f"{where} failed with {wrong}; the server asks to wait {asked:.0f} s")
                wait = max(wait, asked)
        raise Unavailable(f"{where} failed {self._tries} times, at last with {wrong}")

    def _back_off(self, number: int) -> float:
        """Seconds to wait after that failure: twice as long each time, less up to half of it by chance."""
        longest: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2**number)
        return longest * self._random.uniform(0.5, 1.0)

    def _http(self) -> httpx.Client:
        httpx = _httpx()
        with self._making:
            if self._client is None or self._process != os.getpid():  # connections don't survive fork()
                self._client = httpx.Client(headers=self._headers, timeout=self._timeout, follow_redirects=False)
                self._process = os.getpid()
                weakref.finalize(self, self._client.close)
            return self._client

    @staticmethod
    def _lost() -> type[Exception]:
        error: type[Exception] = _httpx().RequestError
        return error

    def _without_secrets(self, text: str) -> str:
        for value in self._headers.values():
            text = text.replace(value.removeprefix("Bearer "), "…")
        return text


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise Unavailable('asking a server needs httpx: pip install "kinspace[http]"') from error
    return httpx


def _is_url(url: object) -> bool:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # of a port that is none
        return False


def _shown(url: str) -> str:
    """The URL without a user and password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _message(answer: Any) -> str:
    """What the server says went wrong, as OpenAI's and Ollama's have it, or else the beginning of the body."""
    try:
        said = answer.json()
        error = said.get("error", said.get("detail", said.get("message")))
        text = error.get("message") if isinstance(error, dict) else error
        return str(text)[:_SHOWN] if text else answer.text[:_SHOWN]
    except (AttributeError, ValueError):
        return str(answer.text[:_SHOWN])


def _hint(status: int) -> str:
    return "; check api_key" if status in (401, 403) else "; check base_url and model" if status == 404 else ""


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, of a header that has them or a date; None if there is none that can be read."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
