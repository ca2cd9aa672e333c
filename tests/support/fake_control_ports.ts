import type { PublicKey } from "#crypto";
import type { ControlPorts } from "#http";
import { CodedError } from "#kit";

type Port<Name extends keyof ControlPorts> = NonNullable<ControlPorts[Name]>;
type HistoryPort = Port<"history">;
/** A stored message as the history port hands it over. */
export type FakeRecord = Awaited<ReturnType<HistoryPort["recent"]>>[number];
/** What an import is asked to merge. */
export type FakeImport = Parameters<HistoryPort["import"]>[0];

/** A history in an array, that notes what it is asked and fails when the test says so. */
export class FakeHistory implements HistoryPort {
  records: FakeRecord[] = [];
  groupRecords: FakeImport["groupMessages"][number][] = [];
  readonly calls: string[] = [];
  readonly imports: FakeImport[] = [];
  /** What every operation rejects with, while set. */
  failure: Error | undefined;
  /** What the next import waits for. */
  importGate: Promise<void> = Promise.resolve();
  full = false;
  /** Records in a page of an export. */
  pageSize = 2;
  /** Pages read so far, and whether the reading was ended. */
  pagesRead = 0;
  pagesEnded = false;
  /** Pages after which an export fails. */
  failAfterPages = Infinity;

  recent(limit: number): Promise<readonly FakeRecord[]> {
    return this.#note(`recent ${limit}`, () => this.records.slice(-limit));
  }

  byPeer(peer: string, limit: number): Promise<readonly FakeRecord[]> {
    const own = () => this.records.filter((record) => record.peer === peer).slice(-limit);
    return this.#note(`byPeer ${peer} ${limit}`, own);
  }

  peers(): Promise<readonly string[]> {
    return this.#note("peers", () => [...new Set(this.records.map(({ peer }) => peer))].sort());
  }

  forget(peer: string, id: string): Promise<boolean> {
    return this.#note(`forget ${peer} ${id}`, () => false);
  }

  forgetPeer(peer: string): Promise<number> {
    return this.#note(`forgetPeer ${peer}`, () => 0);
  }

  search(query: string, limit: number): Promise<readonly object[]> {
    const hit = (record: FakeRecord) => ({ peer: record.peer, text: record.text });
    return this.#note(
      `search ${query} ${limit}`,
      () => this.records.filter(({ text }) => text.includes(query)).map(hit),
    );
  }

  async *pages(): AsyncIterable<readonly FakeRecord[]> {
    try {
      for (let at = 0; at < this.records.length; at += this.pageSize) {
        if (this.pagesRead >= this.failAfterPages) throw new Error("disk failed");
        this.pagesRead++;
        yield await Promise.resolve(this.records.slice(at, at + this.pageSize));
      }
    } finally {
      this.pagesEnded = true;
    }
  }

  async *groupPages(): AsyncIterable<readonly object[]> {
    if (this.groupRecords.length > 0) yield await Promise.resolve(this.groupRecords);
  }

  async import(records: FakeImport): ReturnType<HistoryPort["import"]> {
    this.imports.push(records);
    await this.importGate;
    return {
      messages: records.messages.length,
      group_messages: records.groupMessages.length,
      duplicates: 1,
      rejected: 2,
      expiring: 3,
      evicted: 4,
      full: this.full,
    };
  }

  #note<Value>(call: string, value: () => Value): Promise<Value> {
    this.calls.push(call);
    return this.failure === undefined ? Promise.resolve(value()) : Promise.reject(this.failure);
  }
}

type LinkView = ReturnType<Port<"chat">["linkState"]>;

const READY: LinkView = { ready: true, connecting: false, network: "tcp-direct" };

/** Chat actions that only note what they are asked. */
export class FakeChat implements Port<"chat"> {
  readonly calls: string[] = [];
  connected = false;

  sendRead(peer: PublicKey, ids: readonly string[]): Promise<void> {
    this.calls.push(`read ${peer.hex} ${ids.join(",")}`);
    return Promise.resolve();
  }

  sendDelete(peer: PublicKey, id: string): Promise<void> {
    this.calls.push(`delete ${peer.hex} ${id}`);
    return Promise.resolve();
  }

  linkState(peer: PublicKey): LinkView {
    this.calls.push(`link ${peer.hex}`);
    return this.connected ? READY : { ready: false, connecting: false };
  }

  connect(peer: PublicKey, network: string): LinkView {
    this.calls.push(`connect ${peer.hex} ${network}`);
    if (this.connected) return READY;
    return { ready: false, connecting: false, error: "no live tcp-direct connection" };
  }

  forgetReplay(peer: string, id?: string): void {
    this.calls.push(["forgetReplay", peer, ...id === undefined ? [] : [id]].join(" "));
  }
}

/** An address book in an object; a name of `fail-<code>` fails with that code. */
export class FakeContacts implements Port<"contacts"> {
  names: Record<string, string> = {};
  readonly merged: Readonly<Record<string, unknown>>[] = [];
  /** What a merge fails with, while set. */
  failure: CodedError | undefined;

  all(): Readonly<Record<string, string>> {
    return this.names;
  }

  set(pk: string, name: string): Promise<string> {
    const code = /^fail-(.+)$/.exec(name)?.[1];
    if (code !== undefined) return Promise.reject(new CodedError(code, `text of ${code}`));
    this.names[pk.toLowerCase()] = name;
    return Promise.resolve(name);
  }

  merge(names: Readonly<Record<string, unknown>>): Promise<number> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.merged.push(names);
    return Promise.resolve(Object.keys(names).length);
  }
}

/** Privacy settings that note what they are asked; the key `bad` is none. */
export class FakePrivacy implements Port<"privacy"> {
  readonly calls: string[] = [];
  approval = false;

  state(): Promise<object> {
    return Promise.resolve({ approval: this.approval, blocked: [], requests: [] });
  }

  setApproval(approval: boolean): Promise<void> {
    this.approval = approval;
    return this.#note(`approval ${approval}`, "");
  }

  block(pk: string, blocked: boolean): Promise<void> {
    return this.#note(`block ${pk} ${blocked}`, pk);
  }

  accept(pk: string): Promise<void> {
    return this.#note(`accept ${pk}`, pk);
  }

  #note(call: string, pk: string): Promise<void> {
    this.calls.push(call);
    if (pk !== "bad") return Promise.resolve();
    const text = 'skychat privacy: "bad" is not a public key';
    return Promise.reject(new CodedError("contacts-invalid-key", text));
  }
}

/** Queued messages by id. */
export class FakeOutbox implements Port<"outbox"> {
  readonly entries: { id: string }[] = [];

  list(): readonly object[] {
    return this.entries;
  }

  cancel(id: string): Promise<boolean> {
    const at = this.entries.findIndex((entry) => entry.id === id);
    if (at >= 0) this.entries.splice(at, 1);
    return Promise.resolve(at >= 0);
  }
}

/** An unread count that is set and read. */
export class FakeUnread implements Port<"unread"> {
  total = 0;

  read(): number {
    return this.total;
  }

  reset(total: number): void {
    this.total = total;
  }
}
