"""The library through its C ABI, with nothing between: ctypes over the shared object."""

import ctypes
import json
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_size_t, c_uint32, c_void_p
from pathlib import Path

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
        ("router_error_json", c_void_p, with_length),
        ("router_error_free", None, [c_void_p]),
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

    def close(self):
        self.library.router_shutdown(self.handle, 1000)
        self.library.router_free(self.handle)

    def _ask(self, function, text, *before):
        error, data = c_void_p(), text.encode()
        answer = function(*before, data, len(data), byref(error))
        if answer:
            return answer
        try:
            raise RouterError(json.loads(self._text(self.library.router_error_json, error))["error"])
        finally:
            self.library.router_error_free(error)

    @staticmethod
    def _text(function, handle):
        length = c_size_t()
        start = function(handle, byref(length))
        return ctypes.string_at(start, length.value).decode()
