#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""openapi.json against the daemon: what it says is so, and there is nothing that it does not say.

Every path, method and status in it is brought about here, each answer is held against its schema, and at the end nothing may be left
over. Conversely an answer that is not in it is a failure wherever it comes.
"""

import http.client
import json
import os
import re
import socket
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from daemon_case import PeerCase  # noqa: E402
from sandbox import HANG_LIMIT  # noqa: E402

SOURCE = os.path.join(os.environ["G_TEST_SRCDIR"], "..", "libvmd", "channel")
ACCESS = {"ALL": [], "ADMIN": ["administrator"], "DEVICE": ["device"], "EITHER": ["device", "administrator"]}
SCHEMA = {"fields": {"rate": {"type": "integer", "minimum": 0}, "name": {"type": "string"}}}


class Document:
    """openapi.json, and a validator of as much of JSON Schema as it uses: what it does not know it refuses."""

    def __init__(self):
        with open(os.path.join(SOURCE, "openapi.json"), "rb") as file:
            self.text = file.read()
        self.tree = json.loads(self.text)

    def operations(self):
        """(METHOD, path, operation, parameters)"""
        for path, item in self.tree["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    yield method.upper(), path, operation, item.get("parameters", []) + operation.get("parameters", [])

    def operation(self, method, path):
        return self.tree["paths"][path][method.lower()]

    def check(self, value, schema, place="body"):
        """Raises unless @value is of @schema; members that it does not name are a fault of the description."""
        if "$ref" in schema:
            self.check(value, self.tree["components"]["schemas"][schema["$ref"].rpartition("/")[2]], place)
            return
        unknown = set(schema) - {"type", "properties", "required", "items", "enum", "nullable", "minimum", "maximum",
                                 "maxLength", "format", "description", "default"}
        assert not unknown, f"{place}: this validator does not know {unknown}"
        if value is None and schema.get("nullable"):
            return
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
        kind = kinds[schema["type"]]
        assert isinstance(value, kind) and not (kind is int and isinstance(value, bool)), f"{place} is {value!r}: no {schema['type']}"
        assert "enum" not in schema or value in schema["enum"], f"{place} is {value!r}"
        assert value is None or "minimum" not in schema or value >= schema["minimum"], f"{place} is {value}"
        assert "maxLength" not in schema or len(value) <= schema["maxLength"], f"{place} is too long"
        if kind is list:
            for number, item in enumerate(value):
                self.check(item, schema["items"], f"{place}[{number}]")
        if kind is dict:
            missing = set(schema.get("required", [])) - set(value)
            assert not missing, f"{place} lacks {missing}"
            for name, member in value.items() if "properties" in schema else ():
                assert name in schema["properties"], f"{place} has {name!r}, which is not described"
                self.check(member, schema["properties"][name], f"{place}.{name}")


class Api(PeerCase):
    def start(self):
        return self.sandbox.start_daemon("--no-bus", "--channel-listen", "127.0.0.1:0", *self.limits())

    @staticmethod
    def limits():
        return ()

    def connect(self):
        self.document = Document()
        self.seen = set()
        self.address = urllib.parse.urlsplit(self.read("channel")).netloc
        self.admin = self.read("channel-admin-token")
        return super().connect()

    def read(self, name):
        with open(os.path.join(self.sandbox.state, name), encoding="utf-8") as file:
            return file.read().strip()

    def send(self, method, path, body=None, bearer=None, headers=None):
        """@bearer: None for the administrator's, "" for none."""
        connection = http.client.HTTPConnection(self.address, timeout=HANG_LIMIT)
        self.addCleanup(connection.close)
        sent = dict(headers or {})
        if bearer != "":
            sent["Authorization"] = f"Bearer {bearer or self.admin}"
        connection.request(method, path, body=body if body is None or isinstance(body, bytes) else json.dumps(body), headers=sent)
        answer = connection.getresponse()
        self.addCleanup(answer.close)
        return answer

    def expect(self, status, method, template, body=None, bearer=None, headers=None, query="", **parameters):
        """Asks, and has @status as described. Returns what came: decoded, or as text; of a stream the open answer."""
        path = template
        for name, value in parameters.items():
            path = path.replace("{" + name + "}", value)
        self.assertNotIn("{", path)
        answer = self.send(method, path + query, body, bearer, headers)
        what = f"{method} {template}: {answer.status}"
        if answer.status != status:
            self.fail(f"{what} instead of {status}: {answer.read()}")
        described = self.document.operation(method, template)["responses"].get(str(status))
        self.assertIsNotNone(described, f"{what} is not described")
        self.seen.add((method, template, status))
        if "content" not in described:
            self.assertEqual(answer.read(), b"", what)
            return answer
        (kind, content), = described["content"].items()
        self.assertEqual(answer.headers.get_content_type(), kind, what)
        if kind == "text/event-stream":
            self.assertEqual(answer.readline() + answer.readline(), b": heartbeat\n\n")
            return answer
        text = answer.read().decode()
        if kind != "application/json":
            return text
        value = json.loads(text)
        self.document.check(value, content["schema"], what)
        return value


DEVICES, DEVICE, GROUPS, GROUP = "/v1/devices", "/v1/devices/{id}", "/v1/groups", "/v1/groups/{name}"
CONFIG, STREAM, APPLIED = DEVICE + "/config", DEVICE + "/config/stream", DEVICE + "/applied"


class Everything(Api):
    def test_described(self):
        """What is described happens, and what happens is described."""
        self.without_a_right()
        self.without_anything_there()
        self.devices()
        self.bad_bodies()
        self.values()
        self.tokens()
        self.reports()
        self.streams()
        self.groups()
        self.removals()
        left = {(method, path, int(status)) for method, path, operation, _ in self.document.operations()
                for status in operation["responses"]} - self.seen
        # A server that is full is one of its own: see Full.
        self.assertEqual(left, {("GET", STREAM, 503)})

    def without_a_right(self):
        """What is open to all, and 401 of everything else."""
        self.assertEqual(self.expect(200, "GET", "/healthz", bearer=""), {"status": "ok"})
        self.assertEqual(self.expect(200, "GET", "/openapi.json", bearer=""), self.document.tree)
        self.assertIn("\nvmd_channel_devices 0\n", self.expect(200, "GET", "/metrics"))
        for method, path, operation, _ in self.document.operations():
            for bearer in ("", "0123456789abcdef." + "0" * 64) if operation["security"] else ():
                answer = self.expect(401, method, path, bearer=bearer, id="none", name="none", token="none")
                self.assertEqual(answer["error"]["code"], "PermissionDenied")

    def without_anything_there(self):
        """404 by the administrator, who may know, and 400 of what is no body or no limit."""
        bodies = {APPLIED: None, CONFIG: {}, GROUP + "/config": {}, DEVICE + "/schema": {"schema": None},
                  DEVICE + "/rollback": {"version": 1}, GROUP + "/rollback": {"version": 1}, DEVICE + "/tokens": {"label": "l"}}
        for method, path, operation, parameters in self.document.operations():
            names = {"id": "none", "name": "none", "token": "0123456789abcdef"}
            if "404" in operation["responses"]:
                self.expect(404, method, path, bodies.get(path) if "requestBody" in operation else None, **names)
            if any(parameter["name"] == "limit" for parameter in parameters):
                for limit in ("0", "1001", "x", "-1"):
                    self.expect(400, method, path, query=f"?limit={limit}", **names)

    def devices(self):
        self.expect(201, "POST", DEVICES, {"id": "pump", "schema": SCHEMA})
        self.expect(409, "POST", DEVICES, {"id": "pump"})
        self.expect(400, "POST", DEVICES, {"id": "no/name"})
        self.assertEqual(self.expect(200, "GET", DEVICE, id="pump")["name"], "pump")
        self.assertEqual([device["id"] for device in self.expect(200, "GET", DEVICES)["devices"]], ["pump"])
        self.assertEqual(self.expect(200, "GET", DEVICE + "/schema", id="pump"), {"schema": SCHEMA})
        self.expect(200, "PUT", DEVICE + "/schema", {"schema": SCHEMA}, id="pump")
        self.expect(412, "PUT", DEVICE + "/schema", {"schema": None}, headers={"If-Match": '"999"'}, id="pump")

    def bad_bodies(self):
        self.expect(201, "POST", GROUPS, {"name": "group"})
        deep = b'{"a":' * 20000
        for method, path, operation, _ in self.document.operations():
            for body in (b"", b"{", b"[]", b"null", b'{"a":"\xff"}', b'{"\0":1}', b"{}x", deep) if "requestBody" in operation else ():
                if path != APPLIED:
                    self.expect(400, method, path, body, id="pump", name="group")
        self.expect(204, "DELETE", GROUP, name="group")

    def values(self):
        first = self.expect(200, "PATCH", CONFIG, {"rate": 1}, id="pump")["version"]
        second = self.expect(200, "PUT", CONFIG, {"rate": 2}, id="pump", headers={"If-Match": f'"{first}"'})["version"]
        self.assertGreater(second, first)
        stale = {"If-Match": f'"{first}"'}
        for method in ("PUT", "PATCH"):
            self.expect(412, method, CONFIG, {"rate": 3}, id="pump", headers=stale)
            self.expect(400, method, CONFIG, {"rate": -3}, id="pump")
            self.expect(400, method, CONFIG, {"rate": 3}, id="pump", headers={"If-Match": "3"})
        self.expect(412, "POST", DEVICE + "/rollback", {"version": first}, id="pump", headers=stale)
        self.expect(200, "POST", DEVICE + "/rollback", {"version": first}, id="pump")
        self.assertEqual(self.expect(200, "GET", CONFIG, id="pump")["values"], {"rate": 1})
        history = self.expect(200, "GET", DEVICE + "/history", id="pump")["history"]
        self.assertEqual([row["values"] for row in history[:3]], [{"rate": 1}, {"rate": 2}, {"rate": 1}])

    def tokens(self):
        self.token = self.expect(201, "POST", DEVICE + "/tokens", {"label": "first"}, id="pump")["token"]
        self.assertRegex(self.token, "^[0-9a-f]{16}[.][0-9a-f]{64}$")
        later = self.expect(201, "POST", DEVICE + "/tokens", {"label": "second", "expires": 1 << 60}, id="pump")["token"]
        listed = self.expect(200, "GET", DEVICE + "/tokens", id="pump")["tokens"]
        self.assertEqual({row["id"] for row in listed}, {self.token[:16], later[:16]})
        self.expect(204, "DELETE", DEVICE + "/tokens/{token}", id="pump", token=later[:16])
        self.expect(401, "GET", CONFIG, bearer=later, id="pump")
        answer = self.send("GET", "/v1/devices/pump/config", bearer=self.token)
        snapshot = json.load(answer)
        self.expect(304, "GET", CONFIG, bearer=self.token, id="pump", headers={"If-None-Match": answer.headers["ETag"]})
        self.assertEqual(answer.headers["ETag"], f'"{snapshot["version"]}"')
        self.version = snapshot["version"]

    def reports(self):
        def report(status, body):
            self.expect(status, "PUT", APPLIED, body, bearer=self.token, id="pump")

        report(204, {"version": self.version, "status": "failed", "message": "é" * 512})
        report(204, {"version": self.version, "status": "ok"})
        report(409, {"version": self.version + 1, "status": "ok"})
        report(409, {"version": 0, "status": "ok"})
        report(400, {"version": self.version, "status": "perhaps"})
        report(400, {"version": self.version, "status": "ok", "message": "é" * 513})
        report(400, b"{")
        report(413, b"{" + b" " * 9000 + b"}")
        applied = self.expect(200, "GET", DEVICE, id="pump")["applied"]
        self.assertEqual((applied["version"], applied["status"], applied["message"]), (self.version, "ok", ""))

    def streams(self):
        def stream(status, instance, device="pump"):
            return self.expect(status, "GET", STREAM, bearer=tokens[device], id=device, headers={"Vmd-Instance": instance})

        tokens = {"pump": self.token}
        self.assertEqual(stream(200, "a").readline(), b"event: snapshot\n")
        for instance in ("", "a b", "é".encode().decode("latin-1"), "x" * 65):
            stream(400, instance)
        device = self.expect(200, "GET", DEVICE, id="pump")
        self.assertTrue(device["connected"])
        for number in range(5):
            stream(200, f"i{number}")
        refused = self.send("GET", "/v1/devices/pump/config/stream", bearer=self.token, headers={"Vmd-Instance": "other"})
        self.assertEqual((refused.status, refused.headers["Retry-After"]), (409, "10"))
        stream(409, "another")
        self.expect(201, "POST", DEVICES, {"id": "valve"})
        tokens["valve"] = self.expect(201, "POST", DEVICE + "/tokens", {"label": "l"}, id="valve")["token"]
        # More than there may be in a second, however slowly.
        for _ in range(10000):
            answer = self.send("GET", "/v1/devices/valve/config/stream", bearer=tokens["valve"], headers={"Vmd-Instance": "a"})
            if answer.status != 200:
                break
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "1"))
        stream(429, "a", "valve")

    def groups(self):
        self.expect(201, "POST", GROUPS, {"name": "pumps"})
        self.expect(409, "POST", GROUPS, {"name": "pumps"})
        self.expect(400, "POST", GROUPS, {"name": "no/name"})
        self.expect(204, "PUT", GROUP + "/members/{id}", name="pumps", id="pump")
        self.expect(404, "PUT", GROUP + "/members/{id}", name="pumps", id="none")
        first = self.expect(200, "PATCH", GROUP + "/config", {"name": "a"}, name="pumps")["version"]
        self.expect(200, "PUT", GROUP + "/config", {"name": "b"}, name="pumps")
        stale = {"If-Match": f'"{first}"'}
        for method in ("PUT", "PATCH"):
            self.expect(412, method, GROUP + "/config", {}, name="pumps", headers=stale)
        self.expect(412, "POST", GROUP + "/rollback", {"version": first}, name="pumps", headers=stale)
        self.expect(200, "POST", GROUP + "/rollback", {"version": first}, name="pumps")
        self.assertEqual(self.expect(200, "GET", GROUPS), {"groups": ["pumps"]})
        group = self.expect(200, "GET", GROUP, name="pumps")
        self.assertEqual((group["values"], group["members"]), ({"name": "a"}, ["pump"]))
        self.assertEqual(self.expect(200, "GET", GROUP + "/config", name="pumps"), group)
        self.assertEqual(self.expect(200, "GET", GROUP + "/history", name="pumps")["history"][0]["values"], {"name": "a"})
        self.assertEqual(self.expect(200, "GET", DEVICE, id="pump")["groups"], ["pumps"])
        self.expect(204, "DELETE", GROUP + "/members/{id}", name="pumps", id="pump")
        self.expect(204, "DELETE", GROUP, name="pumps")

    def removals(self):
        self.expect(204, "DELETE", DEVICE, id="pump")
        self.client.create("guest")
        guest, = [device for device in self.expect(200, "GET", DEVICES)["devices"] if device["guest"]]
        self.expect(409, "DELETE", DEVICE, id=guest["id"])


class Rest(Api):
    def test_routes(self):
        """The table of routes and the description are one: paths, methods, and who may."""
        with open(os.path.join(SOURCE, "vmd-channel-routes.c"), encoding="utf-8") as file:
            source = file.read()
        names = dict(re.findall(r'#define (DEVICE|GROUP) ("[^"]*")', source))
        rows = re.findall(r'{ "([A-Z]+)", ([^,]*), VMD_ACCESS_([A-Z]+), ', source)
        routes = {}
        for method, path, access in rows:
            path = "".join(re.findall(r'"([^"]*)"', re.sub("DEVICE|GROUP", lambda match: names[match[0]], path)))
            routes[method, path] = ACCESS[access]
        self.assertEqual(len(routes), len(rows))
        described = {(method, path): sorted(name for way in operation["security"] for name in way)
                     for method, path, operation, _ in self.document.operations()}
        self.assertEqual({route: sorted(access) for route, access in routes.items()}, described)

    def test_same(self):
        self.assertEqual(self.send("GET", "/openapi.json", bearer="").read(), self.document.text)

    def test_parameters(self):
        """Each name in a path is a parameter, and no other is said to be in one."""
        for method, path, _, parameters in self.document.operations():
            named = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
            self.assertEqual(named, set(re.findall("{([a-z]+)}", path)), f"{method} {path}")

    def test_unknown(self):
        """What is not in it is 404, or 405 where there is another method; a status of the protocol, with an error as described."""
        error = {"$ref": "#/components/schemas/Error"}
        for path in ("/", "/v1", "/v1/", "/v1/devices/", "/v1/devices//config", "/v1/devices/a/config/", "/v1/devices/a/nothing",
                     "/v2/devices", "/healthz/", "/v1/groups/a/members", "/%2e%2e/etc/passwd", "/v1/devices/a/config/stream/x"):
            answer = self.send("GET", path)
            self.assertEqual((path, answer.status), (path, 404))
            self.document.check(json.load(answer), error)
        methods = {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
        for path, item in self.document.tree["paths"].items():
            for method in methods - {method.upper() for method in item}:
                answer = self.send(method, path.replace("{", "").replace("}", ""))
                self.assertEqual((method, path, answer.status), (method, path, 405))
                allowed = set(answer.getheader("Allow").split(", "))
                self.assertEqual((path, allowed - {"HEAD"}), (path, {method.upper() for method in item} & methods))
                self.document.check(json.load(answer), error)


class Full(Api):
    @staticmethod
    def limits():
        return "--channel-limit", "max-connections=1"

    def test_full(self):
        """503 while the server has as many connections as it may. It is said at once, before anything is asked."""
        first = self.send("GET", "/healthz", bearer="")
        self.assertEqual(first.status, 200)
        host, port = self.address.split(":")
        with socket.create_connection((host, port), HANG_LIMIT) as connection:
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "5"))
            described = self.document.operation("GET", STREAM)["responses"]["503"]["content"]["application/json"]
            self.document.check(json.load(answer), described["schema"])
            self.assertEqual(connection.recv(1), b"")


if __name__ == "__main__":
    tap_main.main()
