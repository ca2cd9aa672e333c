/** A record for tests. */
import { NO_FACTS } from "../../lib/group/facts.ts";
import type { GroupRecordFile } from "../../lib/group/group_record.ts";
import { ALICE, BOB, CAROL, GROUP_ID } from "./decisions.ts";

/** 2026-09-21T14:15:00Z. */
export const SECOND = 1_790_000_100_000_000_000n;

/** Alice's group of three people, in which nothing has been decided yet. */
export function recordOf(changes: Partial<GroupRecordFile>): GroupRecordFile {
  return {
    id: GROUP_ID,
    name: "ops",
    owner: ALICE,
    port: 8870,
    mode: "public",
    kind: "public",
    governance: "owner",
    role: "owner",
    status: "active",
    baseMembers: [ALICE, BOB, CAROL],
    facts: NO_FACTS,
    addresses: new Map(),
    createdAt: SECOND,
    joinedAt: SECOND,
    lastMessageAt: undefined,
    governanceSeq: { roster: 0, admin: 0, mod: 0, keys: 0 },
    ...changes,
  };
}
