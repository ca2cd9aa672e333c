import type { MessageEvent } from "#events";
import { silentLog, systemClock, systemRandom } from "#kit";
import { type HistoryLimits, type KvHistory, openHistory } from "#store";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

/** Conversations that messages go to in turn. */
const PEERS = 50;
/** The message of the storage rows of other systems. */
const TEXT = "x".repeat(28);
/** Nothing is refused and nothing makes room. */
const UNLIMITED = { perPeerRatePerMinute: 0, perPeerCap: 0, totalCapBytes: 0 };

/** Opens a store that keeps everything but what `limits` says. */
export function openStore(path: string, limits?: Partial<HistoryLimits>): Promise<KvHistory> {
  return openHistory({
    path,
    clock: systemClock,
    log: silentLog,
    self: SELF,
    limits: { ...UNLIMITED, ...limits },
  });
}

/** A message that arrives now. */
export function messageNow(peer: number): MessageEvent {
  const id = systemRandom.bytes(8).toHex();
  return messageWith(peerNumber(peer), { wall: systemClock.wall(), text: TEXT, id });
}

/** Messages a second of a stream that never has to wait but for the disk. */
export async function fill(history: KvHistory, count: number): Promise<number> {
  const started = performance.now();
  let last: Promise<boolean> | undefined;
  for (let number = 0; number < count; number++) {
    last = history.append(messageNow(number % PEERS)).committed;
    if (history.ready !== undefined) await history.ready;
  }
  await last;
  return count * 1_000 / (performance.now() - started);
}
