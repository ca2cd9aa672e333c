import type { Claims, FullHistory, HistoryMaking } from "./history_claim.ts";
import { limitClaims } from "./history_limit_claims.ts";
import { forgetClaims } from "./history_forget_claims.ts";
import { archiveClaims } from "./history_archive_claims.ts";
import { queryClaims } from "./history_query_claims.ts";
import { journalClaims } from "./history_journal_claims.ts";
import { groupClaims } from "./history_group_claims.ts";
import { groupForgetClaims } from "./history_group_forget_claims.ts";
import { importClaims } from "./history_import_claims.ts";
import { keptLog } from "#support/stored_messages.ts";
import { ManualClock } from "#support/manual_clock.ts";

/** What the suite needs to know about an implementation of `History`. */
export interface HistoryUnderTest {
  readonly name: string;
  /** Makes an empty one, with what cleans up behind it. */
  readonly make: (
    making: HistoryMaking,
  ) => Promise<{ readonly history: FullHistory; readonly cleanUp: () => Promise<void> }>;
}

/** Registers the tests that every history passes. */
export function historySuite({ name, make }: HistoryUnderTest): void {
  const claims: Claims = {
    ...limitClaims,
    ...queryClaims,
    ...archiveClaims,
    ...forgetClaims,
    ...importClaims,
    ...journalClaims,
    ...groupClaims,
    ...groupForgetClaims,
  };
  for (const [claim, { options = {}, holds }] of Object.entries(claims)) {
    Deno.test(`${name} ${claim}`, async () => {
      const clock = new ManualClock();
      const log = keptLog();
      const { history, cleanUp } = await make({ clock, log, ...options });
      try {
        await holds({ history, clock, log: log.lines });
      } finally {
        await history.close();
        await cleanUp();
      }
    });
  }
}
