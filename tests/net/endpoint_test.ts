import assert from "node:assert/strict";
import fc from "fast-check";
import { EndpointError, parseFeedSpec, parseListenAddress, parsePeerSpec } from "#net";

const PK = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/** Specification, then the code and the exact text of messages.md 8.2. */
const DEFECTS: readonly [spec: string, code: string, text: string][] = [
  ["", "scheme", `tcp-peer: must start with "tcp://": `],
  [`dmsg://${PK}@h:1`, "scheme", `tcp-peer: must start with "tcp://": dmsg://${PK}@h:1`],
  [`TCP://${PK}@h:1`, "scheme", `tcp-peer: must start with "tcp://": TCP://${PK}@h:1`],
  [` tcp://${PK}@h:1`, "scheme", `tcp-peer: must start with "tcp://":  tcp://${PK}@h:1`],
  ["tcp://", "separator", `tcp-peer: missing @ separator in "tcp://"`],
  [`tcp://${PK}`, "separator", `tcp-peer: missing @ separator in "tcp://${PK}"`],
  ["tcp://@h:1", "separator", `tcp-peer: missing @ separator in "tcp://@h:1"`],
  [`tcp://${PK}@`, "separator", `tcp-peer: missing @ separator in "tcp://${PK}@"`],
  ["tcp://xyz@h:1", "key", `tcp-peer: invalid pk "xyz": Invalid public key`],
  ["tcp://02@h:1", "key", `tcp-peer: invalid pk "02": Invalid public key length`],
  [
    `tcp://${PK} @h:1`,
    "key",
    `tcp-peer: invalid pk "${PK} ": Invalid public key`,
  ],
  [`tcp://04${PK.slice(2)}@h:1`, "key", `invalid pk "04${PK.slice(2)}": Invalid public key`],
  ["tcp://xyz@h", "key", `tcp-peer: invalid pk "xyz": Invalid public key`],
];

/** Address, then the cause, which is the wording of Go's own parser. */
const BAD_ADDRESSES: readonly [address: string, cause: string][] = [
  ["h", "address h: missing port in address"],
  ["h:", "address h:: missing port in address"],
  ["[::1]", "address [::1]: missing port in address"],
  ["[::1]x:80", "address [::1]x:80: missing port in address"],
  ["::1:80", "address ::1:80: too many colons in address"],
  ["h:80:90", "address h:80:90: too many colons in address"],
  ["[::1]:80:90", "address [::1]:80:90: too many colons in address"],
  ["x[::1]:80", "address x[::1]:80: too many colons in address"],
  ["[::1:80", "address [::1:80: missing ']' in address"],
  ["h]:80", "address h]:80: unexpected ']' in address"],
  ["h[x:80", "address h[x:80: unexpected '[' in address"],
  ["h:65536", "address 65536: invalid port"],
  ["h:-1", "address -1: invalid port"],
  ["h:99999999999999999999", "address 99999999999999999999: invalid port"],
  ["h:http", "lookup tcp/http: unknown port"],
  ["h:+80", "lookup tcp/+80: unknown port"],
  ["h:80 ", "lookup tcp/80 : unknown port"],
  ["h:8_0", "lookup tcp/8_0: unknown port"],
  ["a@b", "address a@b: missing port in address"],
];

const GOOD_ADDRESSES: readonly [address: string, host: string, port: number][] = [
  ["chat.example:8801", "chat.example", 8801],
  ["192.0.2.1:0", "192.0.2.1", 0],
  ["[2001:db8::1]:65535", "2001:db8::1", 65535],
  ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
  [":8801", "", 8801],
  ["a@b:1", "a@b", 1],
  ["h:080", "h", 80],
];

for (const [spec, code, text] of DEFECTS) {
  Deno.test(`parsePeerSpec refuses ${JSON.stringify(spec)}`, () => {
    const error = endpointError(() => parsePeerSpec(spec));
    assert.equal(error.code, code);
    assert.ok(error.message.endsWith(text), error.message);
    assert.ok(error.message.startsWith("tcp-peer: "));
  });
}

Deno.test("parsePeerSpec and parseListenAddress name what is wrong with an address", () => {
  for (const [address, cause] of BAD_ADDRESSES) {
    const peer = endpointError(() => parsePeerSpec(`tcp://${PK}@${address}`));
    assert.equal(peer.code, "address");
    assert.equal(peer.message, `tcp-peer: invalid host:port "${address}": ${cause}`);
    assert.equal(endpointError(() => parseListenAddress(address)).message, cause);
  }
  assert.equal(
    endpointError(() => parseListenAddress("")).message,
    "address : missing port in address",
  );
});

Deno.test("parsePeerSpec and parseListenAddress read every form of address", () => {
  for (const [address, host, port] of GOOD_ADDRESSES) {
    const { peer, ...rest } = parsePeerSpec(`tcp://${PK}@${address}`);
    assert.equal(peer.hex, PK);
    assert.deepEqual(rest, { host, port, address });
    assert.deepEqual(parseListenAddress(address), { host, port });
  }
});

Deno.test("parsePeerSpec takes the key in either case and starts texts with the option", () => {
  assert.equal(parsePeerSpec(`tcp://${PK.toUpperCase()}@h:1`).peer.hex, PK);
  const error = endpointError(() => parsePeerSpec("http://x", "cxo-peer"));
  assert.equal(error.message, `cxo-peer: must start with "tcp://": http://x`);
});

Deno.test("parsePeerSpec throws its own error and nothing else, whatever it is given", () => {
  const piece = fc.oneof(
    fc.constantFrom("tcp://", "@", ":", "[", "]", PK, "h", "80", "::1"),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      try {
        const { port } = parsePeerSpec(pieces.join(""));
        assert.ok(port >= 0 && port <= 65_535);
      } catch (error) {
        assert.ok(error instanceof EndpointError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});

/** Specification of a feed, then the code and the whole text of cxo.md 7.7. */
const FEED_DEFECTS: readonly [spec: string, code: string, text: string][] = [
  ["", "separator", "expected tcp://<feedpk>@<host:port>"],
  ["tcp://", "separator", "expected tcp://<feedpk>@<host:port>"],
  [`tcp://${PK}`, "separator", "expected tcp://<feedpk>@<host:port>"],
  ["tcp://@h:1", "key", "invalid feed pk: Invalid public key length"],
  ["@", "key", "invalid feed pk: Invalid public key length"],
  ["xyz@h:1", "key", "invalid feed pk: Invalid public key"],
  [`TCP://${PK}@h:1`, "separator", "expected tcp://<feedpk>@<host:port>"],
  [`http://${PK}@h:1`, "separator", "expected tcp://<feedpk>@<host:port>"],
  [`tcp://tcp://${PK}@h:1`, "separator", "expected tcp://<feedpk>@<host:port>"],
  [`tcp://${PK}@`, "address", "missing host:port"],
  [`${PK}@`, "address", "missing host:port"],
];

Deno.test("parseFeedSpec names what is wrong with the words of the specification", () => {
  for (const [spec, code, text] of FEED_DEFECTS) {
    const error = endpointError(() => parseFeedSpec(spec));
    assert.deepEqual([error.code, error.message], [code, text], spec);
  }
  for (const [address, cause] of BAD_ADDRESSES) {
    const error = endpointError(() => parseFeedSpec(`tcp://${PK}@${address}`));
    assert.deepEqual([error.code, error.message], ["address", `invalid host:port: ${cause}`]);
  }
});

Deno.test("parseFeedSpec reads every form of address, with and without the scheme", () => {
  for (const [address, host, port] of GOOD_ADDRESSES) {
    for (const scheme of ["tcp://", ""]) {
      const { feed, ...rest } = parseFeedSpec(`${scheme}${PK.toUpperCase()}@${address}`);
      assert.equal(feed.hex, PK);
      assert.deepEqual(rest, { host, port, address });
    }
  }
});

function endpointError(parse: () => unknown): EndpointError {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof EndpointError, String(error));
    return error;
  }
  assert.fail("nothing was thrown");
}
