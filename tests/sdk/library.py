"""The library through its C ABI, with nothing between: ctypes over the shared object."""

import ctypes
import json
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_int32, c_size_t, c_uint32, c_void_p
from pathlib import Path

# Of `router_stream_status_t`.
ERROR, CHUNK = -1, 1

DEFAULT = Path(__file__).resolve().parents[2] / "dist/lib/libllmrouter.so"


class RouterError(Exception):
    """What a call failed with: `details` is the object of `router_error_json`."""

    def __init__(self, details):
        super().__init__(details["message"])
        self.details = details


def load():
    library = ctypes.CDLL(os.environ.get("LLMROUTER_LIB") or str(DEFAULT))
    with_length = [c_void_p, POINTER(c_size_t)]
    asking = [c_char_p, c_size_t, POINTER(c_void_p)]
    for name, result, arguments in [
        ("router_new_from_yaml", c_void_p, asking),
        ("router_completion", c_void_p, [c_void_p, *asking]),
        ("router_response_body", c_void_p, with_length),
        ("router_response_metadata", c_void_p, with_length),
        ("router_response_free", None, [c_void_p]),
        ("router_completion_stream", c_void_p, [c_void_p, *asking]),
        ("router_stream_next", c_int32, [c_void_p, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p)]),
        ("router_stream_metadata", c_void_p, with_length),
        ("router_stream_free", None, [c_void_p]),
        ("router_error_json", c_void_p, with_length),
        ("router_error_free", None, [c_void_p]),
        ("router_metrics", c_void_p, with_length),
        ("router_string_free", None, [c_void_p]),
        ("router_shutdown", c_bool, [c_void_p, c_uint32]),
        ("router_free", None, [c_void_p]),
    ]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Router:
    def __init__(self, config):
        self.library = load()
        # Every JSON text is YAML.
        self.handle = self._ask(self.library.router_new_from_yaml, json.dumps(config))

    def completion(self, request):
        """The body as text and the metadata; raises RouterError."""
        response = self._ask(self.library.router_completion, json.dumps(request), self.handle)
        try:
            body = self._text(self.library.router_response_body, response)
            return body, json.loads(self._text(self.library.router_response_metadata, response))
        finally:
            self.library.router_response_free(response)

    def stream(self, request):
        """The chunks as texts and the metadata; raises RouterError, whatever came before it."""
        stream = self._ask(self.library.router_completion_stream, json.dumps(request), self.handle)
        try:
            chunks = list(self._chunks(stream))
            return chunks, json.loads(self._text(self.library.router_stream_metadata, stream))
        finally:
            self.library.router_stream_free(stream)

    def metrics(self):
        """Prometheus' text."""
        length = c_size_t()
        text = self.library.router_metrics(self.handle, byref(length))
        try:
            return ctypes.string_at(text, length.value).decode()
        finally:
            self.library.router_string_free(text)

    def _chunks(self, stream):
        start, length, error = c_void_p(), c_size_t(), c_void_p()
        while True:
            status = self.library.router_stream_next(stream, byref(start), byref(length), byref(error))
            if status == ERROR:
                self._fail(error)
            if status != CHUNK:
                return
            yield ctypes.string_at(start, length.value).decode()

    def close(self):
        self.library.router_shutdown(self.handle, 1000)
        self.library.router_free(self.handle)

    def _ask(self, function, text, *before):
        error, data = c_void_p(), text.encode()
        answer = function(*before, data, len(data), byref(error))
        if answer:
            return answer
        self._fail(error)

    def _fail(self, error):
        try:
            raise RouterError(json.loads(self._text(self.library.router_error_json, error))["error"])
        finally:
            self.library.router_error_free(error)

    @staticmethod
    def _text(function, handle):
        length = c_size_t()
        start = function(handle, byref(length))
        return ctypes.string_at(start, length.value).decode()
