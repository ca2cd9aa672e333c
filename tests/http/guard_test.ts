import { strictEqual } from "node:assert/strict";
import { parseControlAddress } from "#http";
import { refusalFor } from "../../lib/http/guard.ts";

/** Host, Origin, Sec-Fetch-Site; undefined means that the header is not there. */
type Row = [string | undefined, (string | undefined)?, string?];

function refused(address: string, [host, origin, secFetchSite]: Row): boolean {
  const request = { host, origin, secFetchSite };
  return refusalFor(request, parseControlAddress(address)) !== undefined;
}

const GOOD: readonly Row[] = [
  ["127.0.0.1:8001"],
  ["localhost"],
  ["LOCALHOST:9"],
  ["[::1]:8001"],
  ["localhost:8001", "http://localhost:8001"],
  ["localhost:8001", "http://LOCALHOST:8001", "same-origin"],
  ["localhost", "http://localhost:80"],
  ["localhost:80", "http://localhost"],
  ["localhost", "https://localhost:443"],
  ["127.0.0.1:8001", undefined, "none"],
];

const BAD: readonly Row[] = [
  [undefined],
  [""],
  ["evil.example"],
  ["127.0.0.1.evil.example"],
  ["evil.example:8001"],
  ["localhost.evil.example"],
  ["localhost."],
  ["127.0.0.2"],
  ["[::2]"],
  ["[::1"],
  ["localhost:8001:evil"],
  ["localhost:8001", "null"],
  ["localhost:8001", ""],
  ["localhost:8001", "http://evil.example"],
  ["localhost:8001", "http://localhost:8002"],
  ["localhost:8001", "http://127.0.0.1:8001"],
  ["localhost:8001", "http://localhost:8001/"],
  ["localhost:8001", "http://localhost:8001@evil.example"],
  ["localhost:8001", "http://localhost:8001, http://evil.example"],
  ["localhost", "https://localhost:80"],
  ["localhost", "chrome-extension://localhost"],
  ["localhost:8001", "http://localhost:8001", "cross-site"],
  ["localhost:8001", undefined, "same-site"],
  ["localhost:8001", undefined, "cross-site"],
  ["localhost:8001", undefined, ""],
];

Deno.test("refusalFor lets our own page and command-line clients through a loopback listener", () => {
  for (const row of GOOD) strictEqual(refused(":8001", row), false, JSON.stringify(row));
});

Deno.test("refusalFor refuses foreign pages and rebound names on a loopback listener", () => {
  for (const row of BAD) strictEqual(refused(":8001", row), true, JSON.stringify(row));
});

Deno.test("refusalFor accepts the literal address of --addr", () => {
  strictEqual(refused("127.8.8.8:1", ["127.8.8.8:1"]), false);
  strictEqual(refused("[0:0::1]:1", ["[0:0::1]:7"]), false);
  strictEqual(refused(":1", ["127.8.8.8:1"]), true);
});

Deno.test("refusalFor leaves the host name alone when other machines may connect", () => {
  strictEqual(refused("*:8002", ["chat.example"]), false);
  strictEqual(refused("*:8002", ["chat.example", "https://chat.example"]), false);
  strictEqual(refused("*:8002", ["chat.example", "https://evil.example"]), true);
  strictEqual(refused("*:8002", ["chat.example", undefined, "cross-site"]), true);
  strictEqual(refused("*:8002", ["", "http://"]), true);
});
