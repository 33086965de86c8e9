"""A collector of traces on loopback, which answers as it is told and reads with OpenTelemetry's own classes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """`answers`: (status, headers, body) for the next requests, and 200 without a body behind them."""

    def __init__(self, answers=()):
        self.answers = list(answers)
        self.requests = []
        self.lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with collector.lock:
                    collector.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                    status, headers, answer = collector.answers.pop(0) if collector.answers else (200, {}, b"")
                self.send_response(status)
                for name, value in {"content-length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def messages(self):
        """What came, read strictly."""
        return [ExportTraceServiceRequest.FromString(body) for _, _, body in self.requests]

    def spans(self):
        return [
            span
            for message in self.messages()
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def plain(value):
    """The value of an attribute."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind)


def attributes(holder):
    """Of a span or a resource; no name may stand there twice."""
    pairs = [(pair.key, plain(pair.value)) for pair in holder.attributes]
    assert len({name for name, _ in pairs}) == len(pairs), f"a name twice: {pairs}"
    return dict(pairs)


class Report:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, name, judge, *arguments):
        """`judge` raises, or returns False, where something is wrong."""
        try:
            wrong = None if judge(*arguments) is not False else "not so"
        except Exception as error:  # whatever a judge says
            wrong = f"{type(error).__name__}: {error}"
        self.passed, self.failed = self.passed + (wrong is None), self.failed + (wrong is not None)
        print(f"ok    {name}" if wrong is None else f"FAIL  {name}\n      {wrong}")

    def refused(self, name, judge, *arguments):
        """A judge that lets everything pass judges nothing."""
        try:
            passed = judge(*arguments) is not False
        except Exception:
            passed = False
        self.check(f"refused: {name}", lambda: not passed)

    def end(self):
        print(f"{self.passed} checks passed, {self.failed} failed")
        raise SystemExit(1 if self.failed or not self.passed else 0)


def laws(spans):
    """What is true of all spans of one call: ids, parents and times. The caller's own span may be missing."""
    ids = {span.span_id for span in spans}
    assert spans and len(ids) == len(spans), "an id twice, or nothing"
    roots = [span for span in spans if span.parent_span_id not in ids]
    assert len(roots) == 1, f"{len(roots)} roots"
    for span in spans:
        assert len(span.trace_id) == 16 and any(span.trace_id) and len(span.span_id) == 8 and any(span.span_id)
        assert span.trace_id == spans[0].trace_id, "two traces"
        assert len(span.parent_span_id) in (0, 8)
        start, end = roots[0].start_time_unix_nano, roots[0].end_time_unix_nano
        assert start <= span.start_time_unix_nano <= span.end_time_unix_nano <= end, f"{span.name} lies outside its call"
        assert span.name and span.kind


def by_trace(spans):
    """The spans of each trace, in the order in which they came."""
    traces = {}
    for span in spans:
        traces.setdefault(span.trace_id.hex(), []).append(span)
    return traces
