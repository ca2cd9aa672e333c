import type { ControlPorts, GroupHistoryEntry } from "#http";
import { CodedError } from "#kit";

type GroupsPort = NonNullable<ControlPorts["groups"]>;
type Request<Name extends "create" | "join" | "invite" | "history"> = Parameters<
  GroupsPort[Name]
>[Name extends "create" | "join" ? 0 : 1];

/** A time whose last digits do not fit into a number of JavaScript. */
export const TS_NANO = 1_790_000_000_123_456_789n;

/** One group that notes what it is asked; whatever fails, fails with the error the test sets. */
export class FakeGroups implements GroupsPort {
  readonly unsupported = "not supported in standalone mode";
  readonly calls: unknown[][] = [];
  /** Ids of groups. */
  readonly ids = new Set<string>(["team"]);
  /** What every operation fails with, while set. */
  failure: Error | undefined;
  /** Whether what is sent is on disk. */
  kept = true;
  entries: GroupHistoryEntry[] = [];

  list(): readonly object[] {
    return this.#note([...this.ids].map(infoOf), "list");
  }

  info(id: string): object {
    return this.#one(id, "info");
  }

  create(request: Request<"create">): ReturnType<GroupsPort["create"]> {
    const start = { owner: "skychat app --owner", member: "skychat app --member" };
    const created = { info: infoOf(request.name), invite: "skychat:invite:e30", start };
    return this.#later(() => this.#note(created, "create", request));
  }

  join(request: Request<"join">): Promise<object> {
    return this.#later(() => this.#note(infoOf("joined"), "join", request));
  }

  invite(id: string, request: Request<"invite">): string {
    this.#one(id, "invite", request);
    return "skychat:invite:e30";
  }

  async send(id: string, text: string): ReturnType<GroupsPort["send"]> {
    await this.#later(() => this.#one(id, "send", text));
    return { tsNano: TS_NANO, kept: this.kept };
  }

  async unsend(id: string, tsNano: bigint): Promise<void> {
    await this.#later(() => this.#one(id, "unsend", tsNano));
  }

  async history(id: string, request: Request<"history">): ReturnType<GroupsPort["history"]> {
    await this.#later(() => this.#one(id, "history", request));
    return this.entries;
  }

  stored(): Promise<readonly object[]> {
    const groups = [{ group_id: "team", count: 3, newest: "2026-09-21T14:13:20Z" }];
    return this.#later(() => this.#note(groups, "stored"));
  }

  change(id: string, change: Parameters<GroupsPort["change"]>[1]): Promise<object> {
    return this.#later(() => this.#one(id, "change", change));
  }

  setReadOnly(id: string, on: boolean): Promise<object> {
    return this.#later(() => this.#one(id, "setReadOnly", on));
  }

  setBackfill(id: string, on: boolean): Promise<object> {
    return this.#later(() => this.#one(id, "setBackfill", on));
  }

  async rotateKey(id: string): ReturnType<GroupsPort["rotateKey"]> {
    const info = await this.#later(() => this.#one(id, "rotateKey"));
    return { info, epoch: 2, recipients: 3 };
  }

  rename(id: string, name: string): Promise<object> {
    return this.#later(() => this.#one(id, "rename", name));
  }

  async leave(id: string): Promise<void> {
    await this.#later(() => this.#one(id, "leave"));
  }

  async remove(id: string): Promise<void> {
    await this.#later(() => this.#one(id, "remove"));
  }

  /** Runs it like an operation that takes its time: what it throws is a rejection. */
  #later<Value>(run: () => Value): Promise<Value> {
    return Promise.resolve().then(run);
  }

  #one(id: string, name: string, ...rest: unknown[]): object {
    this.calls.push([name, id, ...rest]);
    if (!this.ids.has(id)) throw new CodedError("no-such-group", `group: no record for ${id}`);
    if (this.failure !== undefined) throw this.failure;
    return infoOf(id);
  }

  #note<Value>(value: Value, name: string, ...rest: unknown[]): Value {
    this.calls.push([name, ...rest]);
    if (this.failure !== undefined) throw this.failure;
    return value;
  }
}

function infoOf(id: string): object {
  return { id, name: "ops", members: [] };
}
