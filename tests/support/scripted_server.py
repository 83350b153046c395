# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""An HTTP server that does what a test says, byte by byte: each request waits for the test to answer it."""

import json
import queue
import select
import socket
import ssl
import threading

from sandbox import HANG_LIMIT


class Request:
    """One request and its connection."""

    def __init__(self, connection, method, path, headers, body):
        self.connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else data.encode())

    def answer(self, status, *headers, body=b""):
        """Whole, and the end of the connection."""
        lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}", "Connection: close", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.close()

    def open_stream(self, content_type="text/event-stream"):
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n")

    def snapshot(self, version, **values):
        data = json.dumps({"version": version, "values": values}, separators=(",", ":"))
        self.send(f"event: snapshot\nid: {version}\ndata: {data}\n\n")

    def end(self, event):
        self.send(f'event: {event}\ndata: {{"reason":"because"}}\n\n')
        self.close()

    def wait_for_close(self):
        """Until the other side has closed."""
        self.connection.settimeout(HANG_LIMIT)
        try:
            while self.connection.recv(4096):
                pass
        except ConnectionError:
            pass

    def is_closed(self):
        ready, _, _ = select.select([self.connection], [], [], 0)
        return bool(ready) and not self.connection.recv(4096, socket.MSG_PEEK)

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()


class ScriptedServer:
    def __init__(self, certificate=None):
        """@certificate: (certificate, key), PEM files; with it, TLS."""
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self.requests = {"stream": queue.Queue(), "applied": queue.Queue(), "config": queue.Queue()}
        self.failed_handshakes = queue.Queue()
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    def read(self, connection):
        if self.context:
            try:
                connection = self.context.wrap_socket(connection, server_side=True)
            except OSError as error:
                self.failed_handshakes.put(error)
                return
        try:
            self.read_request(connection)
        except OSError:
            pass

    def read_request(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(4096)
        self.requests[path.rsplit("/", 1)[-1]].put(Request(connection, method, path, headers, body))

    def next(self, kind):
        """The next request of that kind, when it comes."""
        return self.requests[kind].get(timeout=HANG_LIMIT)

    def has(self, kind):
        return not self.requests[kind].empty()

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()
