import assert from "node:assert/strict";
import { type HistoryLimits, MemoryHistory, type MemoryHistoryOptions } from "#store";
import { type FeedNode, feedSpec, FeedWorld, secretOf } from "./feed_node.ts";
import { ManualClock } from "./manual_clock.ts";

/** Limits that refuse nothing and drop nothing. */
export const UNLIMITED: HistoryLimits = {
  maxMessageBytes: 0,
  perPeerRatePerMinute: 0,
  perPeerCap: 0,
  groupCap: 0,
  groupRatePerMinute: 0,
  totalCapBytes: 0,
  ttlMs: 0,
};

/** First port of the nodes of a scene. */
export const FIRST_PORT = 8_802;

/** Runs an action in a world of its own and stops what it left running. */
export async function inWorld(action: (world: FeedWorld) => Promise<void>): Promise<void> {
  const world = new FeedWorld(new ManualClock());
  await action(world);
  await world.end();
}

/** A store without a disk for the node of a port. */
export function historyOf(
  { clock }: FeedWorld,
  port: number,
  options: Partial<MemoryHistoryOptions> = {},
): MemoryHistory {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const self = secretOf(port).publicKey.hex;
  return new MemoryHistory({ clock, log, self, limits: UNLIMITED, ...options });
}

/** Each of so many nodes follows those that the shape names. */
export async function startMany(
  world: FeedWorld,
  { count, follows, stored }: {
    count: number;
    follows: (who: number, whom: number) => boolean;
    stored: boolean;
  },
): Promise<{ nodes: FeedNode[]; stop: () => Promise<void> }> {
  const nodes: FeedNode[] = [];
  const stores: MemoryHistory[] = [];
  for (let who = 0; who < count; who++) {
    const peers = Array.from({ length: count }, (_, whom) => whom)
      .filter((whom) => whom !== who && follows(who, whom))
      .map((whom) => ({ spec: feedSpec(FIRST_PORT + whom) }));
    const history = stored ? historyOf(world, FIRST_PORT + who) : undefined;
    if (history !== undefined) stores.push(history);
    nodes.push(await world.start(FIRST_PORT + who, { peers, ...(history && { history }) }));
  }
  const stop = async () => {
    for (const node of nodes) await world.stop(node);
    for (const store of stores) await store.close();
  };
  return { nodes, stop };
}

/** What a node showed of another's messages, in order. */
export function heard(node: FeedNode, from: FeedNode | { readonly key: string }): string[] {
  return node.shown.filter((event) => event.dir === "in" && event.from === from.key)
    .map(({ text }) => text);
}

/** Two nodes: one that is followed, and one that follows it. */
export function pair(): { alice: number; bob: number; toAlice: { spec: string }[] } {
  const [alice, bob] = [FIRST_PORT, FIRST_PORT + 1];
  return { alice, bob, toAlice: [{ spec: feedSpec(alice) }] };
}

/** Says numbered texts; what was said. */
export async function sayMany(
  node: FeedNode,
  { from, to }: { from: number; to: number },
): Promise<string[]> {
  const texts = Array.from({ length: to - from }, (_, index) => `message ${from + index}`);
  for (const text of texts) await node.say(text);
  return texts;
}

/** That every message of a scene was shown once, in order, by those who follow its author. */
export function assertHeard(
  nodes: readonly FeedNode[],
  said: ReadonlyMap<FeedNode, readonly string[]>,
  follows: (who: number, whom: number) => boolean,
): void {
  nodes.forEach((who, w) =>
    nodes.forEach((whom, m) => {
      if (who === whom) return;
      const expected = follows(w, m) ? said.get(whom) ?? [] : [];
      assert.deepEqual(heard(who, whom), expected, `node ${w} of node ${m}`);
    })
  );
}
