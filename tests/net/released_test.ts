import assert from "node:assert/strict";
import { denoNetwork, dialLink, MemoryStream, type Network } from "#net";
import { settle } from "#support/manual_clock.ts";
import { NetFixture, until } from "./net_fixture.ts";

/** Accepts streams that the system keeps after their close until `gone` resolves. */
function lingeringNetwork(network: Network, gone: Promise<void>): Network {
  return {
    connect: (host, port, signal) => network.connect(host, port, signal),
    listen(host, port) {
      const listener = network.listen(host, port);
      return {
        address: listener.address,
        close: () => listener.close(),
        async accept() {
          const stream = await listener.accept();
          assert.ok(stream instanceof MemoryStream);
          stream.lingering = gone;
          return stream;
        },
      };
    },
  };
}

Deno.test("Acceptor counts a link until the system has let go of its connection", async () => {
  const fixture = new NetFixture();
  const gone = Promise.withResolvers<void>();
  const acceptor = fixture.acceptor({ network: lingeringNetwork(fixture.network, gone.promise) });
  const running = acceptor.run();
  const link = await dialLink(fixture.clientContext(), fixture.endpoint());
  await until(() => acceptor.stats.live === 1);
  link.close();
  await settle();
  assert.equal(acceptor.stats.live, 1, "the connection is still there");
  gone.resolve();
  await until(() => acceptor.stats.live === 0);
  acceptor.close();
  await running;
});

Deno.test("a TCP connection closed with a write that waits is released when the peer goes", async () => {
  const listener = denoNetwork.listen("127.0.0.1", 0);
  const port = Number(listener.address.split(":").at(-1));
  const accepting = listener.accept();
  const peer = await denoNetwork.connect("127.0.0.1", port, new AbortController().signal);
  const stream = await accepting;
  let released = false;
  void stream.released.then(() => released = true);
  const writing = assert.rejects(stream.write(new Uint8Array(1 << 25)), { code: "closed" });
  // Until the system took its part of the bytes and a second write of the rest waits.
  for (let turn = 0; turn < 50; turn++) await settle();
  assert.equal(released, false, "it is open");
  stream.close();
  await writing;
  await settle();
  // Deno 2.9 lets go of it at once; 2.6 keeps the connection, and must not say otherwise.
  const keeps = Number(Deno.version.deno.split(".")[1]) < 9;
  assert.equal(released, !keeps);
  peer.close();
  await stream.released;
  listener.close();
});
