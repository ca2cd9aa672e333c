import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { silentLog, systemClock, systemRandom, utf8, utf8Text } from "#kit";
import {
  Acceptor,
  denoNetwork,
  dialLink,
  type Link,
  type LinkContext,
  parseListenAddress,
  parsePeerSpec,
} from "#net";
import { EVERYONE } from "./net_fixture.ts";

const server = SecretKey.generate(systemRandom);
const client = SecretKey.generate(systemRandom);

function context(local: SecretKey): LinkContext {
  return {
    network: denoNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    local,
    requirePostQuantum: false,
  };
}

/** A listener on every interface that echoes; gives its port and the links it got. */
async function withEcho(body: (port: number, links: Link[]) => Promise<void>): Promise<void> {
  const links: Link[] = [];
  const ended: Promise<unknown>[] = [];
  const acceptor = new Acceptor(context(server), {
    address: parseListenAddress(":0"),
    label: ":0",
    whitelist: EVERYONE,
    onLink: (link) => {
      links.push(link);
      const served = link.serve((bytes) => link.write(bytes));
      ended.push(served);
      return served;
    },
  });
  const address = acceptor.listen();
  const running = acceptor.run();
  try {
    await body(Number(address.slice(address.lastIndexOf(":") + 1)), links);
  } finally {
    acceptor.close();
    for (const link of links) link.close();
    await Promise.all([running, ...ended]);
  }
}

async function echo(link: Link, bytes: Uint8Array): Promise<Uint8Array> {
  const got = new Uint8Array(bytes.length);
  let at = 0;
  const writing = (async () => {
    for (let from = 0; from < bytes.length; from += 60_000) {
      await link.write(bytes.subarray(from, from + 60_000));
    }
  })();
  await link.serve((part) => {
    got.set(part, at);
    at += part.length;
    if (at === bytes.length) link.close("done");
  });
  await writing;
  return got;
}

for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
  Deno.test(`Link over TCP to ${host} works both ways on one listener`, async () => {
    await withEcho(async (port, links) => {
      const endpoint = parsePeerSpec(`tcp://${server.publicKey}@${host}:${port}`);
      const link = await dialLink(context(client), endpoint);
      assert.equal(link.postQuantum, true);
      assert.equal(utf8Text(await echo(link, utf8("hello"))), "hello");
      assert.ok(links[0]?.peer.equals(client.publicKey));
      assert.match(links[0]?.remoteAddress ?? "", /^(127\.0\.0\.1|\[::1\]):\d+$/);
    });
  });
}

Deno.test("Link over TCP carries megabytes both ways at once", async () => {
  await withEcho(async (port) => {
    const endpoint = parsePeerSpec(`tcp://${server.publicKey}@127.0.0.1:${port}`);
    const link = await dialLink(context(client), endpoint);
    const data = Uint8Array.from(
      { length: 3 << 20 },
      (_, index) => (index * 13 + (index >> 7)) & 255,
    );
    const got = await echo(link, data);
    assert.ok(got.every((byte, index) => byte === data[index]));
  });
});

Deno.test("denoNetwork switches keep-alive and no-delay on, on both ends", async () => {
  const calls: string[] = [];
  await withEcho(async (port, links) => {
    const endpoint = parsePeerSpec(`tcp://${server.publicKey}@127.0.0.1:${port}`);
    await withCountedSetters(calls, async () => {
      const link = await dialLink(context(client), endpoint);
      await echo(link, utf8("x"));
      assert.equal(links.length, 1);
    });
  });
  assert.deepEqual(calls.toSorted(), [
    "setKeepAlive true",
    "setKeepAlive true",
    "setNoDelay true",
    "setNoDelay true",
  ]);
});

/** Notes the socket options that are set while `body` runs. */
async function withCountedSetters(calls: string[], body: () => Promise<void>): Promise<void> {
  const prototype = await tcpPrototype();
  const originals = { setNoDelay: prototype.setNoDelay, setKeepAlive: prototype.setKeepAlive };
  for (const name of ["setNoDelay", "setKeepAlive"] as const) {
    prototype[name] = function (this: Deno.TcpConn, on?: boolean): void {
      calls.push(`${name} ${on}`);
      originals[name].call(this, on);
    };
  }
  try {
    await body();
  } finally {
    Object.assign(prototype, originals);
  }
}

/** What all TCP connections of the runtime share; it has no name of its own. */
async function tcpPrototype(): Promise<Pick<Deno.TcpConn, "setKeepAlive" | "setNoDelay">> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [one, other] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  one.close();
  other.close();
  return Object.getPrototypeOf(one);
}
