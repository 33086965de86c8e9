"""The scripted fake provider, as a process that ends with this one."""

import json
import subprocess
import urllib.request


class Provider:
    def __init__(self, program):
        self.process = subprocess.Popen(program if isinstance(program, list) else [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def play(self, replies):
        """Plays `replies` (path to list of replies) and forgets what was asked so far."""
        self._control("PUT", "script", json.dumps({"paths": replies}))
        self._control("DELETE", "log")

    def log(self):
        return json.loads(self._control("GET", "log"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def _control(self, method, what, body=None):
        data = body.encode() if body else None
        request = urllib.request.Request(f"{self.url}/_control/{what}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()
