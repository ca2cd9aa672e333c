import type { SecretKey } from "#crypto";
import type { Clock, Random, Timer } from "#kit";
import type { Governance } from "./governance.ts";
import type { GroupFeed, RecordFamily } from "./group_feed.ts";
import type { GroupFolder } from "./group_folder.ts";
import type { GroupKeys } from "./group_keys.ts";
import type { GroupRecordFile, GroupStatus } from "./group_record.ts";
import { keepKeys } from "./group_setup.ts";
import { MAX_SKEW_NANOS } from "./replay_guard.ts";
import type { GroupCharter } from "./roster.ts";

/** What a recorder is made with. */
export interface GroupRecorderOptions {
  readonly charter: GroupCharter;
  readonly name: string;
  readonly role: "owner" | "member";
  readonly addresses: ReadonlyMap<string, string>;
  readonly secret: SecretKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly folder: GroupFolder;
  readonly feed: GroupFeed;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  /** Of the listener now; 0 where there is none. */
  readonly port: () => number;
}

/** What the deployed system writes where there is no port (groups.md 1.4). */
export const STANDALONE_PORT = 8_870;

/** Shortest time between two writes of what others decided, milliseconds (ours): it may be megabytes. */
export const SAVE_PAUSE_MS = 1_000;

/** Ended for good: nothing that comes in begins it anew. */
const ENDED: ReadonlySet<GroupStatus> = new Set(["left", "revoked"]);

/** What is kept of a group in its folder (groups.md 7.3), and when. */
export class GroupRecorder {
  readonly #options: GroupRecorderOptions;
  /** When the group was made here, nanoseconds since 1970. */
  readonly createdAt: bigint;
  /** When this node joined it. */
  readonly joinedAt: bigint;
  /** Display name. */
  name: string;
  /** How this node stands with the group; begins anew where it was started anew. */
  status: GroupStatus;
  #lastMessageAt: bigint | undefined;
  #saved = true;
  #saving: Promise<boolean> | undefined;
  /** When it was last written, on the clock of durations. */
  #savedAt: number | undefined;
  #next: Timer | undefined;

  /** Goes on with what the folder has. */
  constructor(options: GroupRecorderOptions) {
    const { clock, folder: { record } } = options;
    this.#options = options;
    this.createdAt = record?.createdAt ?? clock.wall();
    this.joinedAt = record?.joinedAt ?? this.createdAt;
    this.name = options.name;
    this.status = record?.status === "active" ? "active" : "pending";
    this.#lastMessageAt = record?.lastMessageAt;
  }

  /** Newest time of a message, by its author; undefined before the first. */
  get lastMessageAt(): bigint | undefined {
    return this.#lastMessageAt;
  }

  /** Whether the disk took the last change. */
  get saved(): boolean {
    return this.#saved;
  }

  /** A message of this time was sent or shown. Its author chose it: one far ahead would stay the newest. */
  messageAt(ts: bigint): void {
    if (!ENDED.has(this.status)) this.status = "active";
    const most = this.#options.clock.wall() + MAX_SKEW_NANOS;
    const at = ts < most ? ts : most;
    if (this.#lastMessageAt === undefined || at > this.#lastMessageAt) this.#lastMessageAt = at;
  }

  /** Something of a member came. */
  heard(): void {
    if (!ENDED.has(this.status)) this.status = "active";
  }

  /** Writes it; whether the disk took it. */
  save(): Promise<boolean> {
    // Once for all that changes in the same turn.
    return this.#saving ??= this.#save();
  }

  /** Writes what others decided: at once, but not without end. A crash loses nothing that they do not say again. */
  saveSoon(): void {
    if (this.#next !== undefined) return;
    const { clock } = this.#options;
    const wait = (this.#savedAt ?? -SAVE_PAUSE_MS) + SAVE_PAUSE_MS - clock.now();
    if (wait <= 0) return void this.save();
    this.#next = clock.after(wait, () => {
      this.#next = undefined;
      void this.save();
    });
  }

  /** Writes it for the last time. */
  close(): Promise<boolean> {
    this.#next?.cancel();
    return this.save();
  }

  async #save(): Promise<boolean> {
    await Promise.resolve();
    this.#saving = undefined;
    this.#savedAt = this.#options.clock.now();
    return this.#saved = await this.#options.folder.save(this.#record());
  }

  #record(): GroupRecordFile {
    const { addresses, charter, feed, governance, keys, port, random, role, secret } =
      this.#options;
    const { governance: rule, id, kind, members, mode, owner } = charter;
    const number = (family: RecordFamily) => feed.nextNumber(family) - 1;
    return {
      ...{ id, owner, mode, kind, governance: rule, role, addresses },
      name: this.name,
      port: port() || STANDALONE_PORT,
      status: this.status,
      baseMembers: members,
      facts: governance.facts,
      beside: governance.beside,
      createdAt: this.createdAt,
      joinedAt: this.joinedAt,
      lastMessageAt: this.#lastMessageAt,
      ...(keys !== undefined && { keyRing: keepKeys(keys.ring, { secret, groupId: id, random }) }),
      governanceSeq: {
        roster: number("roster"),
        admin: number("admin"),
        mod: number("mod"),
        keys: number("keys"),
      },
    };
  }
}
