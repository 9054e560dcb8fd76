"""Runs a Python handler: takes events from the Runtime API, gives them to the handler, answers.

Speaks as Lambda's own Python runtime does; needs nothing but the standard library, of Python 3.9 on.
"""

import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback

API = "/2018-06-01/runtime/"
LOGS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
# From 3.12 on Lambda leaves characters beyond ASCII as they are.
ENSURE_ASCII = sys.version_info < (3, 12)

# Opens a line that stands for one event of the log of several lines, as JSON. The platform knows it.
EVENT_MARK = "\x1e\x02event:"
# What is longer than this goes as lines.
EVENT_MAX_LENGTH = 100_000

request_id = ""
standard_output = sys.stdout


class RuntimeFault(Exception):
    """An error of the runtime itself, with the type that Lambda gives it."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = "Runtime." + error_type
        self.trace = list(trace)


class Connection:
    """Just enough of HTTP for one server that always says how long its answers are.

    `http.client` takes 40 ms to import; all that is imported here takes 60.
    """

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.host = address
        self.socket = None
        self.unread = b""

    def request(self, method, path, body=b"", headers=()):
        lines = [f"{method} {API}{path} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.connect()
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1") + body)
        return self.response()

    def connect(self):
        if self.socket is None:
            self.socket = socket.create_connection(self.address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def response(self):
        while b"\r\n\r\n" not in self.unread:
            self.unread += self.receive()
        head, _, body = self.unread.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        chunks, missing = [body], int(headers["content-length"]) - len(body)
        while missing > 0:
            chunks.append(self.receive())
            missing -= len(chunks[-1])
        self.unread = b""
        return int(status.split(" ")[1]), headers, b"".join(chunks)

    def receive(self):
        received = self.socket.recv(256 * 1024)
        if received == b"":
            # The platform is gone: nobody will ask for anything any more.
            sys.exit(1)
        return received


class CognitoIdentity:
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]


class Client:
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]


class ClientContext:
    __slots__ = ["custom", "env", "client"]


def filled(made, values):
    """An object with what `values` has for each of its slots, and None for the others."""
    for name in made.__slots__:
        setattr(made, name, values.get(name))
    return made


class LambdaContext:
    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])
        identity = parsed(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity") or {}
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        given = parsed(headers.get("lambda-runtime-client-context"), "Client Context")
        self.client_context = None
        if given is not None:
            self.client_context = filled(ClientContext(), given)
            if self.client_context.client is not None:
                self.client_context.client = filled(Client(), self.client_context.client)

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def parsed(header, name):
    if not header:
        return None
    try:
        value = json.loads(header)
        if not isinstance(value, dict):
            raise ValueError("it is no object")
        return value
    except ValueError as error:
        raise RuntimeFault(
            "LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}"
        ) from None


def write_event(text):
    """Writes text that ends its line so that its lines stay together; to whatever took the place of the output, as it is."""
    if "\n" in text[:-1] and sys.stdout is standard_output:
        event = EVENT_MARK + json.dumps(text.rstrip("\n")) + "\n"
        if len(event) <= EVENT_MAX_LENGTH:
            text = event
    sys.stdout.write(text)


class LogHandler(logging.Handler):
    """Writes to standard output as it is at that moment: tests and libraries replace it."""

    def emit(self, record):
        write_event(self.format(record))


class LogFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = request_id
        return True


class JsonFormatter(logging.Formatter):
    # What of a record is no `extra` of the caller's. As on Lambda a value that is no JSON is an error of the call.
    RESERVED = set(vars(logging.makeLogRecord({}))) - {"taskName"} | {"aws_request_id"}

    def format(self, record):
        kind, value, trace = record.exc_info or (None, None, None)
        fields = {
            "timestamp": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if record.exc_info else None,
            "errorType": getattr(kind, "__name__", None),
            "errorMessage": str(value) if record.exc_info else None,
            "requestId": request_id or None,
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if record.exc_info else None,
        }
        for name, each in vars(record).items():
            if name not in self.RESERVED:
                fields.setdefault(name, each)
        present = {name: each for name, each in fields.items() if each is not None}
        return json.dumps(present, ensure_ascii=False) + "\n"


def set_up_logging():
    logging.Formatter.converter = time.gmtime
    text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    handler = LogHandler()
    handler.setFormatter(JsonFormatter() if LOGS_JSON else logging.Formatter(text, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(LogFilter())
    logging.getLogger().addHandler(handler)
    level = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(name := os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper(), name)
    if level in ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"):
        logging.getLogger().setLevel(level)


def load_handler(name):
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise RuntimeFault("MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise RuntimeFault(
            "BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise RuntimeFault(
            "ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from None
    except SyntaxError as error:
        raise RuntimeFault(
            "UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        ) from None
    if not hasattr(module, function_name):
        raise RuntimeFault(
            "HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    return getattr(module, function_name)


def text_of(error):
    try:
        return str(error)
    except Exception:
        return "the error could not be read"


def error_result(error):
    """What the invocation fails with, as JSON's objects are here."""
    if isinstance(error, RuntimeFault):
        error_type, trace = error.error_type, error.trace
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename != __file__]
        while own and own[0].filename.startswith("<frozen importlib"):
            own.pop(0)
        error_type, trace = type(error).__name__, traceback.format_list(own)
    return {
        "errorMessage": text_of(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": trace,
    }


def log_error(result):
    if LOGS_JSON:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": now, "level": "ERROR", **result}) + "\n")
        return
    lines = [f"[ERROR] {result['errorType']}: {result['errorMessage']}", "Traceback (most recent call last):"]
    for line in (line for entry in result["stackTrace"] for line in entry.splitlines()):
        text = line.lstrip(" ")
        # Lambda indents with spaces that no console takes away.
        lines.append("\u00a0" * (len(line) - len(text)) + text)
    write_event("\n".join(lines) + "\n")


def encoded(value):
    """JSON; Decimal, which boto3 gives, keeps all of its digits."""
    import_decimal = sys.modules.get("decimal")
    mark = os.urandom(8).hex()
    marked = []

    def default(other):
        if import_decimal is not None and isinstance(other, import_decimal.Decimal):
            if other.is_nan():
                return float("nan")
            marked.append(str(other))
            return f"{mark}{other}"
        raise TypeError(f"Object of type {type(other).__name__} is not JSON serializable")

    text = json.dumps(value, default=default, ensure_ascii=ENSURE_ASCII)
    for digits in marked:
        text = text.replace(f'"{mark}{digits}"', digits, 1)
    # A lone half of a surrogate pair has no UTF-8; its escape says the same.
    return text.encode("utf-8", "backslashreplace")


def respond(value):
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        return encoded(value), "application/json"
    except Exception as error:
        raise RuntimeFault("MarshalError", f"Unable to marshal response: {text_of(error)}") from None


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # A handler may close or replace them.
            pass


def fail(connection, path, error, headers=()):
    result = error_result(error)
    log_error(result)
    flush()
    kind = ("Lambda-Runtime-Function-Error-Type", result["errorType"])
    connection.request("POST", path, json.dumps(result).encode(), [*headers, kind])


def run_event(connection, handler, headers, body):
    global request_id
    request_id = headers["lambda-runtime-aws-request-id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
    path = f"invocation/{request_id}/"
    echoed = [("Lambda-Runtime-Invocation-Id", headers["lambda-runtime-invocation-id"])]
    try:
        context = LambdaContext(headers)
        result, kind = respond(handler(json.loads(body), context))
    except Exception as error:
        return fail(connection, path + "error", error, echoed)
    flush()
    connection.request("POST", path + "response", result, [*echoed, ("Content-Type", kind)])


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    # As on Lambda, where the code cannot be written to: what changes there would count as new code.
    sys.dont_write_bytecode = True
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    sys.argv = [""]
    set_up_logging()
    connection = Connection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:
        fail(connection, "init/error", error)
        sys.exit(1)
    while True:
        _, headers, body = connection.request("GET", "invocation/next")
        run_event(connection, handler, headers, body)


if __name__ == "__main__":
    main()
