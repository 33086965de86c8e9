"""The library's functions beside chat, through its C ABI."""

import ctypes
import json
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_void_p

from library import Router, RouterError

CHUNK, END = 1, 0


class VerbRouter(Router):
    def __init__(self, config):
        super().__init__(config)
        with_path = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p)]
        for name, result, arguments in [
            ("router_request", c_void_p, with_path),
            ("router_request_stream", c_void_p, with_path),
            ("router_stream_next", c_int32, [c_void_p, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p)]),
            ("router_stream_free", None, [c_void_p]),
        ]:
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments

    def request(self, path, request):
        """The body as bytes and the metadata; raises RouterError."""
        response = self._ask(self.library.router_request, json.dumps(request), self.handle, path.encode(), len(path))
        try:
            length = c_size_t()
            start = self.library.router_response_body(response, byref(length))
            metadata = json.loads(self._text(self.library.router_response_metadata, response))
            return ctypes.string_at(start, length.value), metadata
        finally:
            self.library.router_response_free(response)

    def stream(self, path, request):
        """The chunks as texts; raises RouterError."""
        handle = self._ask(self.library.router_request_stream, json.dumps(request), self.handle, path.encode(), len(path))
        try:
            chunks, chunk, length, error = [], c_void_p(), c_size_t(), c_void_p()
            while True:
                status = self.library.router_stream_next(handle, byref(chunk), byref(length), byref(error))
                if status == CHUNK:
                    chunks.append(ctypes.string_at(chunk, length.value).decode())
                elif status == END:
                    return chunks
                else:
                    details = json.loads(self._text(self.library.router_error_json, error))["error"]
                    self.library.router_error_free(error)
                    raise RouterError(details)
        finally:
            self.library.router_stream_free(handle)
