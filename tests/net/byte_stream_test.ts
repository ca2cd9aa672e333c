import assert from "node:assert/strict";
import fc from "fast-check";
import { denoNetwork, MemoryNetwork, MemoryStream } from "#net";
import { settle } from "#support/manual_clock.ts";
import { byteStreamSuite } from "../contract/byte_stream_suite.ts";

byteStreamSuite({ name: "denoNetwork", make: () => denoNetwork });
byteStreamSuite({ name: "MemoryNetwork", make: () => new MemoryNetwork() });
byteStreamSuite({
  name: "MemoryNetwork that cuts",
  make: () => new MemoryNetwork({ capacity: 5_000, cut: () => 777 }),
});

const ADDRESSES = ["192.0.2.1:1", "192.0.2.2:2"] as const;

Deno.test("MemoryStream gives the same bytes however they are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.integer({ min: 1, max: 50 }),
      async (writes, cuts, capacity) => {
        let reads = 0;
        const cut = () => cuts[reads++ % cuts.length] ?? 1;
        const [a, b] = MemoryStream.pair(ADDRESSES, { capacity, cut });
        const writing = (async () => {
          for (const bytes of writes) await a.write(bytes);
          a.close();
        })();
        const got: number[] = [];
        const buffer = new Uint8Array(64);
        for (let n = await b.read(buffer); n !== null; n = await b.read(buffer)) {
          got.push(...buffer.subarray(0, n));
        }
        await writing;
        assert.deepEqual(got, writes.flatMap((bytes) => [...bytes]));
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("MemoryStream hold keeps bytes back until release", async () => {
  const [a, b] = MemoryStream.pair(ADDRESSES);
  a.hold();
  await a.write(Uint8Array.of(1));
  let read: number | null | undefined;
  const reading = b.read(new Uint8Array(4)).then((count) => read = count);
  await settle();
  assert.equal(read, undefined);
  a.release();
  await reading;
  assert.equal(read, 1);
});

Deno.test("MemoryStream reset loses what was under way and fails both ends", async () => {
  const [a, b] = MemoryStream.pair(ADDRESSES);
  await a.write(Uint8Array.of(1));
  a.reset();
  await assert.rejects(b.read(new Uint8Array(4)), { code: "reset" });
  await assert.rejects(b.write(Uint8Array.of(1)), { code: "broken-pipe" });
  await assert.rejects(a.read(new Uint8Array(4)), { code: "reset" });
});

Deno.test("MemoryNetwork from shows another machine's address to the listener", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen("", 8801);
  assert.equal(listener.address, "[::]:8801");
  const signal = new AbortController().signal;
  await network.from("203.0.113.9").connect("server.example", 8801, signal);
  assert.match((await listener.accept()).remoteAddress, /^203\.0\.113\.9:\d+$/);
  await network.from("2001:db8::1").connect("server.example", 8801, signal);
  assert.match((await listener.accept()).remoteAddress, /^\[2001:db8::1\]:\d+$/);
});

Deno.test({
  name: "denoNetwork connect to a name that does not exist says no such host",
  // Deno 2.6 keeps a small handle for each failed look-up that had a signal; 2.9 does not.
  sanitizeResources: !Deno.version.deno.startsWith("2.6."),
  async fn() {
    // Too long a label: every resolver knows without asking anybody.
    const name = `${"x".repeat(64)}.invalid`;
    const connecting = denoNetwork.connect(name, 80, new AbortController().signal);
    await assert.rejects(connecting, {
      code: "no-such-host",
      message: `lookup ${name}: no such host`,
    });
  },
});

Deno.test("denoNetwork connect to port 0 is refused", async () => {
  await assert.rejects(
    denoNetwork.connect("127.0.0.1", 0, new AbortController().signal),
    { code: "refused", message: "connect: connection refused" },
  );
});

Deno.test("denoNetwork listen on an address that is not ours says so", () => {
  assert.throws(() => denoNetwork.listen("192.0.2.1", 0), {
    code: "address-not-available",
    message: "bind: cannot assign requested address",
  });
});
