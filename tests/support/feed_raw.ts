/** Raw lines that have said hello, for tests that take it from there. */
import assert from "node:assert/strict";
import type { Network } from "#net";
import type { ManualClock } from "./manual_clock.ts";
import { secretOf } from "./feed_node.ts";
import { FeedLine, type FeedLineOptions } from "./feed_peer.ts";

/** The network and the clock: a `FeedWorld` of `feed_node.ts` has this shape. */
export interface RawWorld {
  readonly clock: ManualClock;
  readonly network: Network;
}

let strangers = 0;

/** A key that nobody else has. */
export function strangerSecret(): FeedLineOptions["secret"] {
  return secretOf(1_000_000 + ++strangers);
}

/** A line to whoever listens on a port, past Syn and Ack. It answers probes. */
export async function hello(
  { network }: Pick<RawWorld, "network">,
  port: number,
  options: Partial<FeedLineOptions> = {},
): Promise<FeedLine> {
  const secret = options.secret ?? strangerSecret();
  const line = await FeedLine.dial(network, { ...options, port, secret });
  line.onMessage = ({ message, seq }) => {
    if (message.type === "RqList") line.send({ type: "Err", text: "not a public server" }, seq);
  };
  const nodeId = options.nodeId ?? secret.publicKey.hex;
  const answer = await line.ask({ type: "Syn", protocol: 3, nodeId });
  assert.ok(typeof answer === "object" && answer.type === "Ack", `no Ack: ${answer}`);
  return line;
}

/** The same, following the feed of the port. */
export async function follow(
  world: RawWorld,
  port: number,
  options: Partial<FeedLineOptions> = {},
): Promise<FeedLine> {
  const line = await hello(world, port, options);
  const feed = secretOf(port).publicKey.hex;
  assert.deepEqual(await line.ask({ type: "Sub", feed }), { type: "Ok" });
  await world.clock.advance(0);
  return line;
}
