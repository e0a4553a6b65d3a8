"""Calls to Pythons elsewhere, to ask them something before, or instead of, starting workers."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from subprocess import PIPE, Popen, TimeoutExpired
from types import SimpleNamespace
from typing import Any, Final

import execnet
from execnet.gateway_base import ThreadExecModel
from execnet.gateway_bootstrap import HostNotFound

from pytest_orchestra.running import inquiry

#: Seconds in which gateways that have answered should end by themselves.
GOODBYE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No Python has answered: why, and what to do about it."""

    what: str
    remedy: str


class _Sockets:
    """What execnet takes for the module ``socket``; remembers the sockets that it makes."""

    def __init__(self) -> None:
        self.made: list[socket.socket] = []

    def socket(self, *kind: int) -> socket.socket:
        """Make a socket."""
        made = socket.socket(*kind)
        self.made.append(made)
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)


class _Switchboard(ThreadExecModel):
    """Starts the processes of gateways, reads their last words and can end them."""

    def __init__(self) -> None:
        self._processes: list[Popen[bytes]] = []
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the call
        self._sockets = _Sockets()
        self._is_cut = False

    @property
    def subprocess(self) -> Any:
        """What execnet takes for the module of that name."""
        return SimpleNamespace(PIPE=PIPE, Popen=self._start)

    @property
    def socket(self) -> Any:
        """The same, for sockets."""
        return self._sockets

    def _start(self, arguments: Sequence[str], **pipes: Any) -> Popen[bytes]:
        if self._is_cut:
            raise OSError("the call has ended")
        process = Popen(arguments, stderr=self._words, **pipes)  # noqa: S603 - the user's
        self._processes.append(process)
        return process

    @property
    def last_words(self) -> str:
        """The last line that the processes wrote to standard error."""
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def exit_code(self, seconds: float) -> int | None:
        """With which code the last process ended, if it does within so many seconds."""
        if not self._processes:
            return None
        try:
            return self._processes[-1].wait(seconds)
        except TimeoutExpired:
            return None

    def cut(self) -> None:
        """End all that is left, and so wake up who waits for it."""
        self._is_cut = True
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for made in self._sockets.made:
            with contextlib.suppress(OSError):  # it was never connected
                made.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all files and sockets; nobody uses them any more."""
        streams = [end for each in self._processes for end in (each.stdin, each.stdout)]
        everything: list[Any] = [*filter(None, streams), *self._sockets.made, self._words]
        for opened in everything:
            with contextlib.suppress(OSError):  # what was to be written has nobody to read it
                opened.close()


#: The exit code of ssh when it is ssh that has failed, by its manual.
_SSH_FAILED: Final = 255


class Call:
    """One call, in a thread of its own; ``proxies`` are the gateways that others go through."""

    def __init__(
        self,
        spec: execnet.XSpec,
        proxies: Mapping[str, execnet.XSpec],
        question: Mapping[str, Any],
    ) -> None:
        self._spec = spec
        self._proxies = proxies
        self._question = dict(question)
        self._switchboard = _Switchboard()
        self._result: Mapping[str, Any] | Unreachable | None = None
        self._thread = threading.Thread(target=self._run, name="orchestra-call", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def result(self, seconds: float) -> Mapping[str, Any] | Unreachable:
        """Return the answer, if need be after waiting for up to so long."""
        self._thread.join(max(seconds, 0.0))
        result = self._result
        if result is None:
            return Unreachable("did not answer in time", _remedy(self._spec))
        return result

    def hang_up(self) -> None:
        """End the processes that the call has started and that are still there."""
        self._switchboard.cut()
        self._thread.join(GOODBYE)
        if not self._thread.is_alive():
            self._switchboard.close()

    def _run(self) -> None:
        group = execnet.Group(execmodel=self._switchboard)  # type: ignore[arg-type] # it takes one
        try:
            channel = self._connect(group, self._spec).remote_exec(inquiry)
            channel.send(self._question)
            self._result = channel.receive()
        except Exception as error:  # noqa: BLE001 - anything may go wrong with what is elsewhere
            self._result = self._explain(error)
        finally:
            group.terminate(GOODBYE)

    def _connect(self, group: execnet.Group, spec: execnet.XSpec) -> execnet.Gateway:
        copy = execnet.XSpec(str(spec))
        copy.chdir = None  # execnet would make the directory
        through = spec.via or spec.installvia
        if through and through not in group:
            if through not in self._proxies:
                raise _NoProxyError(through)
            self._connect(group, self._proxies[through])
        return group.makegateway(copy)

    def _explain(self, error: Exception) -> Unreachable:
        """Say why there was no answer: what the process that was to give it has said, if any."""
        remedy = _remedy(self._spec)
        if isinstance(error, _NoProxyError):
            remedy = f"add --px id={error}//ssh=HOST, or name another one after via="
            return Unreachable(f"there is no gateway {str(error)!r} to go through", remedy)
        if isinstance(error, ValueError):
            remedy = "write ssh=HOST, socket=HOST:PORT, or popen//python=COMMAND"
            return Unreachable("this does not tell how to reach a Python", remedy)
        words, code = self._switchboard.last_words, self._switchboard.exit_code(GOODBYE)
        # ssh says so of itself; what was written to it may have failed before execnet looked.
        if isinstance(error, HostNotFound) or (self._spec.ssh and code == _SSH_FAILED):
            return Unreachable(f"cannot be reached: {words or 'no such host'}", remedy)
        if code is not None:
            said = f": {words}" if words else ""
            return Unreachable(f"no Python answers there (exit code {code}){said}", remedy)
        reason = str(getattr(error, "strerror", None) or error).strip().splitlines()
        if isinstance(error, AssertionError) or not reason:
            return Unreachable("what answers there is no Python", remedy)
        return Unreachable(f"cannot be reached: {reason[-1]}", remedy)


class _NoProxyError(Exception):
    """There is no gateway with the id that is the text of this."""


def _remedy(spec: execnet.XSpec) -> str:
    """Return what shows whether it works."""
    if spec.socket:
        return f"start one there: python -m execnet.script.socketserver {spec.socket}"
    python = spec.python or "python"
    if spec.ssh:
        config = f"-F {spec.ssh_config} " if spec.ssh_config else ""
        command = f"ssh {config}{spec.ssh} {python} -V"
        return f"this must print a version, 3.11 or later, and ask nothing: {command}"
    return f"this must print a version, 3.11 or later: {python} -V"
