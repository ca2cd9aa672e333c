import { silentLog } from "#kit";
import { type KvHistory, openHistory, type OpenHistoryOptions } from "#store";
import { assertGroupSums } from "#support/group_sums.ts";
import { groupMessage } from "#support/group_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { peerNumber, SELF } from "#support/stored_messages.ts";

/** No rates. */
export const FREE = { perPeerRatePerMinute: 0, groupRatePerMinute: 0 };

/** A store on disk that a test opens and closes. */
export interface Disk {
  readonly clock: ManualClock;
  readonly path: string;
  /** Opens the store of this test again. */
  open(options?: Partial<OpenHistoryOptions>): Promise<KvHistory>;
  /** Closes it and looks at its sums. */
  close(history: KvHistory): Promise<void>;
  /** A copy of the closed store: where it is. */
  copy(): Promise<string>;
}

/** Runs a test with a store of its own. */
export async function onDisk(test: (disk: Disk) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock();
  const path = `${folder}/history.db`;
  let copies = 0;
  try {
    await test({
      clock,
      path,
      open: (options) =>
        openHistory({ path, clock, log: silentLog, self: SELF, limits: FREE, ...options }),
      async close(history) {
        await history.close();
        await assertGroupSums(path);
      },
      async copy() {
        const to = `${folder}/${++copies}`;
        await Deno.mkdir(to);
        await Deno.copyFile(path, `${to}/history.db`);
        return `${to}/history.db`;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Appends so many messages of a group, a nanosecond apart. */
export function fill(
  history: KvHistory,
  { count, wall, group = "g" }: { count: number; wall: bigint; group?: string },
): void {
  for (let number = 0; number < count; number++) {
    const sentAt = wall + BigInt(number);
    history.append(
      groupMessage(peerNumber(1), { wall, sentAt, text: `${number}`, groupId: group }),
    );
  }
}
