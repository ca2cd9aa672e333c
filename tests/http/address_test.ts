import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { AddressError, bindRefusal, parseControlAddress } from "#http";

Deno.test("parseControlAddress reads every form of http-api.md 1.1", () => {
  const rows: [string, string, number, boolean][] = [
    [":8001", "127.0.0.1", 8001, true],
    [":0", "127.0.0.1", 0, true],
    ["*:8002", "0.0.0.0", 8002, false],
    ["0.0.0.0:8002", "0.0.0.0", 8002, false],
    ["[::]:8002", "::", 8002, false],
    ["[::1]:8002", "::1", 8002, true],
    ["[0:0::1]:8002", "0:0::1", 8002, true],
    ["[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, true],
    ["[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, false],
    ["localhost:8002", "localhost", 8002, true],
    ["LocalHost:8002", "LocalHost", 8002, true],
    ["127.8.8.8:8002", "127.8.8.8", 8002, true],
    ["192.168.1.5:65535", "192.168.1.5", 65535, false],
    ["localhost.evil.example:1", "localhost.evil.example", 1, false],
    ["127.0.0.1.evil.example:1", "127.0.0.1.evil.example", 1, false],
  ];
  for (const [text, host, port, loopback] of rows) {
    deepStrictEqual(parseControlAddress(text), { host, port, loopback }, text);
  }
});

Deno.test("parseControlAddress refuses everything else and names it", () => {
  const bad = [
    "",
    "8001",
    ":",
    "*:",
    "host",
    "host:",
    ":65536",
    ":8001x",
    "::1:8001",
    "[::1]",
    "a b:1",
  ];
  for (const text of [...bad, "http://a:1", "[zz]:1", "[:::]:1", ":-1", ":8001\n", "a/b:1"]) {
    throws(
      () => parseControlAddress(text),
      (error) => {
        strictEqual(error instanceof AddressError, true, text);
        match(String(error), /use :PORT .*\*:PORT .*HOST:PORT/);
        return true;
      },
      text,
    );
  }
  throws(() => parseControlAddress("nonsense"), /"nonsense"/);
});

Deno.test("bindRefusal names both ways out for an address that others can reach", () => {
  const open = parseControlAddress("*:8002");
  match(
    bindRefusal(open, { noPassword: false }) ?? "",
    /0\.0\.0\.0:8002.*--password-file FILE.*--no-password/,
  );
  strictEqual(bindRefusal(open, { noPassword: true }), undefined);
  strictEqual(bindRefusal(parseControlAddress(":1"), { noPassword: false }), undefined);
});
