# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The host's side of the port that carries the configuration channel, on a unix socket, byte by byte where a test wants it. The socket is
one that it listens on, in place of the port, or one of a hypervisor's that it connects to.

Each connection that the guest opens is passed on to a server's TCP port, by threads that obey credit.
"""

import os
import queue
import socket
import struct
import threading

import sandbox

MARK = b"\xf5\xffvmd-channel\xff\xfe\xfd"
OPEN, DATA, CREDIT, CLOSE = 1, 2, 3, 4
FIRST_CREDIT = 65536
MAX_DATA = 16384


def hello(nonce):
    return MARK + struct.pack(">Q", nonce)


def frame(connection, kind, payload=b""):
    return struct.pack(">IBI", connection, kind, len(payload)) + payload


class Pipe:
    """One connection of the guest's, and the server's socket behind it."""

    def __init__(self, number, server):
        self.number = number
        self.server = server
        self.may_send = FIRST_CREDIT
        self.may_come = FIRST_CREDIT
        self.sent = 0

    def close(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()


class MuxHost:
    def __init__(self, server_port, path, listens=True):
        self.path = path
        self.server_port = server_port
        self.condition = threading.Condition()
        self.port = None  # the socket to the guest
        self.buffer = b""
        self.nonce = 0
        self.pipes = {}
        self.last = 0
        self.asks = 0
        self.n_sent = 0  # bytes of all connections
        self.sessions = queue.Queue()
        self.problems = []
        self.waits = True  # for the answer to a hello
        self.says_hello = True
        self.listener = None
        if listens:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.listener.listen()
            threading.Thread(target=self.accept, daemon=True).start()

    # The port.

    def accept(self):
        while True:
            try:
                port, _ = self.listener.accept()
            except OSError:
                return
            self.begin(port)

    def connect(self):
        port = socket.socket(socket.AF_UNIX)
        port.connect(self.path)
        self.begin(port)

    def begin(self, port):
        with self.condition:
            self.drop()
            self.port = port
            self.buffer = b""
            self.waits = True
            if self.says_hello:
                self.begin_session()
        threading.Thread(target=self.read, args=(port,), daemon=True).start()

    def read(self, port):
        try:
            while data := port.recv(65536):
                with self.condition:
                    if port is not self.port:
                        return
                    self.buffer += data
                    self.take()
        except OSError:
            pass

    def write(self, data):
        try:
            self.port.sendall(data)
        except OSError:
            pass

    def begin_session(self, prefix=b""):
        """As a host does that has just come: @prefix is what its predecessor left."""
        with self.condition:
            self.drop()
            self.nonce = int.from_bytes(os.urandom(8), "big") | 1
            self.waits = True
            self.write(prefix + hello(self.nonce))

    def drop(self):
        for pipe in self.pipes.values():
            pipe.close()
        self.pipes = {}
        self.last = 0
        self.condition.notify_all()

    def take(self):
        while True:
            at = self.buffer.find(MARK)
            if at >= 0 and len(self.buffer) >= at + 24:
                nonce = struct.unpack(">Q", self.buffer[at + 16:at + 24])[0]
                self.buffer = self.buffer[at + 24:]
                self.take_hello(nonce)
            elif self.waits or at >= 0 or not self.take_frame():
                return

    def take_hello(self, nonce):
        if nonce == 0:
            self.asks += 1
            self.begin_session()
            self.condition.notify_all()
        elif nonce == self.nonce and self.waits:
            self.waits = False
            self.sessions.put(nonce)

    def take_frame(self):
        if len(self.buffer) < 9:
            return False
        number, kind, length = struct.unpack(">IBI", self.buffer[:9])
        if length > MAX_DATA:
            self.problems.append(f"a frame of {length} bytes")
        if len(self.buffer) < 9 + length:
            return False
        payload = self.buffer[9:9 + length]
        self.buffer = self.buffer[9 + length:]
        self.obey(number, kind, payload)
        return True

    def obey(self, number, kind, payload):
        pipe = self.pipes.get(number)
        if kind == OPEN:
            if number <= self.last or payload:
                self.problems.append(f"opened {number} after {self.last}")
            self.last = number
            self.open(number)
        elif kind == DATA and pipe:
            if not payload or len(payload) > pipe.may_come:
                self.problems.append(f"{len(payload)} bytes with credit for {pipe.may_come}")
            pipe.may_come -= len(payload)
            pipe.server.sendall(payload)
            self.give_credit(pipe, len(payload))
        elif kind == CREDIT and pipe:
            pipe.may_send += struct.unpack(">I", payload)[0]
            if pipe.may_send > 1 << 20:
                self.problems.append(f"credit for {pipe.may_send}")
            self.condition.notify_all()
        elif kind == CLOSE and pipe:
            del self.pipes[number]
            pipe.close()
            self.condition.notify_all()
        elif kind not in (OPEN, DATA, CREDIT, CLOSE) or number > self.last:
            self.problems.append(f"frame {kind} for {number}")

    def give_credit(self, pipe, n):
        pipe.may_come += n
        self.write(frame(pipe.number, CREDIT, struct.pack(">I", n)))

    # The server behind it.

    def open(self, number):
        pipe = Pipe(number, socket.create_connection(("127.0.0.1", self.server_port)))
        self.pipes[number] = pipe
        threading.Thread(target=self.pump, args=(pipe,), daemon=True).start()

    def pump(self, pipe):
        try:
            while data := pipe.server.recv(MAX_DATA):
                while data:
                    data = self.send(pipe, data)
        except OSError:
            pass
        with self.condition:
            if self.pipes.get(pipe.number) is pipe:
                del self.pipes[pipe.number]
                pipe.close()
                self.write(frame(pipe.number, CLOSE))
                self.condition.notify_all()

    def send(self, pipe, data):
        """What credit allows; what is left of it."""
        with self.condition:
            while pipe.may_send == 0 and self.pipes.get(pipe.number) is pipe:
                if not self.condition.wait(sandbox.HANG_LIMIT):
                    raise OSError("no credit")
            if self.pipes.get(pipe.number) is not pipe:
                raise OSError("gone")
            n = min(len(data), pipe.may_send)
            pipe.may_send -= n
            pipe.sent += n
            self.write(frame(pipe.number, DATA, data[:n]))
            self.n_sent += n
            self.condition.notify_all()
            return data[n:]

    # What tests do.

    def wait_until(self, condition, what):
        """Of all that is asked of the fields above."""
        with self.condition:
            if not self.condition.wait_for(condition, sandbox.HANG_LIMIT):
                raise AssertionError(f"hung: {what}")

    def wait_for_session(self):
        return self.sessions.get(timeout=sandbox.HANG_LIMIT)

    def stop_listening(self):
        """The host goes, and nobody comes instead."""
        self.listener.close()
        os.unlink(self.path)
        self.hang_up()

    def hang_up(self):
        with self.condition:
            port, self.port = self.port, None
            self.drop()
        if port:
            try:
                port.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            port.close()

    def close(self):
        if self.listener:
            self.listener.close()
        self.hang_up()
