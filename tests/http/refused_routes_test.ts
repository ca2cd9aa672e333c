import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formField } from "../../lib/http/form_field.ts";
import { PEER, routeRig } from "./control_harness.ts";

const NO_VISOR = "pairing disabled (visor RPC unavailable)\n";

Deno.test("profile, presence and voice answer 503 like pairing (http-api.md 3)", async () => {
  const { ask } = routeRig();
  const voice = "call answer decline hangup mute active incoming levels audio".split(" ");
  const paths = [
    "/profile",
    "/profile/peer",
    "/presence",
    ...voice.map((name) => `/voice/${name}`),
  ];
  for (const path of paths) {
    for (const method of ["GET", "POST"]) {
      const reply = await ask(method, path);
      deepStrictEqual([reply.status, reply.text], [503, NO_VISOR], method + path);
    }
  }
});

Deno.test("files do not exist, and neither does asking for one (http-api.md 4.16)", async () => {
  const { ask } = routeRig();
  for (const path of ["/files/a.txt", "/thumb/a.jpg", "/files/..%2F..%2Fetc%2Fpasswd"]) {
    const reply = await ask("GET", path);
    deepStrictEqual([reply.status, reply.text], [404, "404 page not found\n"], path);
  }
  const body = { pk: PEER, file_id: "1", file_name: "a" };
  const reply = await ask("POST", "/request-file", body);
  deepStrictEqual(
    [reply.status, reply.text],
    [503, "standalone mode: no visor transport for file requests\n"],
  );
});

Deno.test("a node under a visor does not refuse a file request as one without", async () => {
  const { ask } = routeRig({ embedded: true });
  const reply = await ask("POST", "/request-file", { pk: PEER, file_id: "1", file_name: "a" });
  deepStrictEqual([reply.status, reply.text], [503, "file requests are not supported\n"]);
});

Deno.test("/send-file refuses peers with 502 and groups with 503, and never looks at path", async () => {
  const { ask } = routeRig();
  const rows: [string, string, number][] = [
    ["/send-file", `pk=${PEER}&path=/etc/passwd`, 502],
    ["/send-file", "group=g1&path=%2Fetc%2Fpasswd", 503],
    ["/send-file?group=g1", "", 503],
    [`/send-file?pk=${PEER}`, "", 502],
    ["/send-file", "", 502],
    ["/send-file", "%%%&=&&group", 502],
  ];
  for (const [path, body, status] of rows) {
    const reply = await ask("POST", path, body);
    const text = status === 502 ? "file transfer not enabled" : "no active group";
    deepStrictEqual([reply.status, reply.text], [status, `skychat: ${text}\n`], path + body);
  }
});

const TYPE = "multipart/form-data; boundary=x";

Deno.test("formField finds a field of a multipart form, before a file that was cut off", () => {
  const part = (name: string, value: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file =
    '--x\r\nContent-Disposition: form-data; name="file"; filename="group"\r\nContent-Type: image/png\r\n\r\n\u{fffd}PNG';
  const read = (body: string) => formField(body, { type: TYPE, name: "group" });
  strictEqual(read(part("pk", PEER) + part("group", "g1") + file), "g1");
  strictEqual(read(part("pk", 'name="group"') + file), undefined);
  strictEqual(read('--x\r\nContent-Disposition: form-data; name="group"\r\n'), undefined);
  strictEqual(read(""), undefined);
  strictEqual(formField("a=1&group=g%201", { type: "", name: "group" }), "g 1");
});

Deno.test("formField answers any body", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(TYPE, "", "multipart/form-data"), (body, type) => {
      strictEqual(typeof (formField(body, { type, name: "group" }) ?? ""), "string");
    }),
    { numRuns: 200 },
  );
});
