"""A limit on the head of a request: the parser itself would keep headers without end."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10


class HeadLimited(HttpToolsProtocol):
    """uvicorn's protocol; address and headers beyond the limit are answered 400."""

    _head_bytes = 0
    _is_in_head = True

    def data_received(self, data: bytes) -> None:
        """Bytes of a connection."""
        self._head_bytes += len(data) if self._is_in_head else 0
        super().data_received(data)
        is_too_large = self._is_in_head and self._head_bytes > MAX_HEAD_BYTES
        if is_too_large and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes, self._is_in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body begins."""
        self._is_in_head = False
        super().on_headers_complete()
