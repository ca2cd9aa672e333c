/** How much of a member's feed is under way at a time (ours). */
import assert from "node:assert/strict";
import type { FeedUpdate } from "#cxo";
import { ManualClock } from "#support/manual_clock.ts";
import type { Governance } from "../../lib/group/governance.ts";
import { GroupInbox } from "../../lib/group/group_inbox.ts";
import type { MessageIntake } from "../../lib/group/message_intake.ts";
import { groupMessagePath } from "../../lib/group/message_path.ts";
import { ALICE } from "./decisions.ts";

/** An inbox whose messages reach the disk when the test says so. */
function slowDisk(): {
  inbox: GroupInbox;
  clock: ManualClock;
  taken: () => number;
  write: () => void;
} {
  const clock = new ManualClock();
  let taken = 0;
  let disk = Promise.withResolvers<void>();
  const intake: Pick<MessageIntake, "isKnown" | "kept" | "take"> = {
    isKnown: () => false,
    take: () => (taken++, "shown"),
    get kept() {
      return disk.promise;
    },
  };
  const inbox = new GroupInbox({
    ...{ clock, keys: undefined, sink: { ready: undefined }, onKeys: () => {} },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    governance: { retry() {} } as Governance,
    intake: intake as MessageIntake,
  });
  const write = () => {
    disk.resolve();
    disk = Promise.withResolvers();
  };
  return { inbox, clock, taken: () => taken, write };
}

function updateOf(count: number): FeedUpdate {
  const changes = Array.from({ length: count }, (_, seq) => ({
    path: groupMessagePath({ sender: ALICE, ts: BigInt(seq + 1), seq }),
    value: new Uint8Array(1),
  }));
  return { changes, complete: false } as unknown as FeedUpdate;
}

Deno.test("what one member brings waits for the disk, so that what the user sends does not wait long", async () => {
  const { clock, inbox, taken, write } = slowDisk();
  const done = inbox.take(ALICE, updateOf(1_000));
  await clock.advance(1_000);
  // A second stretch is on its way while the first is written, and no third.
  assert.equal(taken(), 300);
  for (const expected of [600, 900, 1_000]) {
    write();
    await clock.advance(1_000);
    assert.equal(taken(), expected);
  }
  await done;
});
