"""A client of HTTP and WebSocket that shows, and can break, every byte of it."""

import base64
import os
import socket
import struct

from support.program import TIME_LIMIT

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Connection:
    """A connection to a port on loopback."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(TIME_LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        try:
            piece = self.socket.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        self.left += piece
        return piece

    def take(self, size):
        """So many bytes, or fewer if the other side has hung up."""
        while len(self.left) < size and self.more():
            pass
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def is_closed(self):
        """Waits until the other side hangs up, and sends nothing before."""
        return self.take(1) == b""

    def answer(self, has_body=True):
        """The next answer of HTTP: status, fields by lower-case name, body."""
        while b"\r\n\r\n" not in self.left:
            if not self.more():
                return None, {}, self.left
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        size = int(fields.get("content-length", 0)) if has_body else 0
        return int(first.split()[1]), fields, self.take(size)


def ask(port, text, has_body=True):
    """The answer to one request, as it is written here."""
    with Connection(port) as connection:
        connection.send(text)
        return connection.answer(has_body)


class WebSocket(Connection):
    def __init__(self, port, path, receive_buffer=None, fields=b""):
        super().__init__(port, receive_buffer)
        key = base64.b64encode(os.urandom(16))
        self.send(b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n" % (path.encode(), key, fields))
        status, _, body = self.answer()
        assert status == 101, (status, body)

    def send_frame(self, kind, data=b"", last=True, masked=True):
        size = len(data)
        short = size if size < 126 else 126 if size < 1 << 16 else 127
        head = bytes([kind | 0x80 * last, short | 0x80 * masked])
        if short > 125:
            head += struct.pack(">H" if short == 126 else ">Q", size)
        mask = os.urandom(4) if masked else b""
        # Masked as one number, since that is much faster than byte by byte.
        if masked and size:
            many = (mask * (size // 4 + 1))[:size]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(many, "big")).to_bytes(size, "big")
        self.send(head + mask + data)

    def say(self, text):
        self.send_frame(TEXT, text.encode())

    def frame(self):
        """The next frame, (kind, data); (None, b"") if there is none any more."""
        head = self.take(2)
        if len(head) < 2:
            return None, b""
        size = head[1]
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return head[0] & 15, self.take(size)

    def message(self):
        """The next frame that is no ping. A ping, by which a server finds out who is there, is
        answered, as a browser does."""
        while True:
            kind, data = self.frame()
            if kind != PING:
                return kind, data
            self.send_frame(PONG, data)

    def hear(self):
        """The next text."""
        kind, data = self.message()
        assert kind == TEXT, (kind, data)
        return data.decode()

    def closed_with(self):
        """The code of the close frame that is next. It is answered, as a browser does."""
        kind, data = self.message()
        assert kind == CLOSE, (kind, data)
        self.send_frame(CLOSE, data[:2])
        return int.from_bytes(data[:2], "big")
