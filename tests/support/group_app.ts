/** Members of a federated group as processes, for tests that see them as their users do. */
import assert from "node:assert/strict";
import { ask, type CxoEvent, eventsUntil, keyOf, NO_LIMITS, secretOf } from "./cxo_app.ts";
import { type App, run, type Running, type RunResult, startApp } from "./spawn.ts";

/** The group of most tests. */
export const GROUP = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
/** Longest wait for what a member says of a group, milliseconds. */
const DEADLINE_MS = 20_000;
/** How often it is asked meanwhile. */
const LOOK_MS = 100;

/** What a test decides about a member. */
export interface MemberOptions {
  /** One digit; the key follows from it. */
  readonly who: number;
  /** Id of the group; none for a node that is to create or join one over HTTP. */
  readonly group?: string | undefined;
  /** Who founded it; 1 by default. */
  readonly owner?: number;
  /** Feeds of members, `tcp://<pk>@host:port`. */
  readonly peers?: readonly string[];
  /** Whether a store keeps messages. */
  readonly persist?: boolean;
  /** Where it listens; a port of the system's choice by default. */
  readonly listen?: string;
  readonly flags?: readonly string[];
}

/** An event of a group on `/events`. */
export interface GroupEvent extends CxoEvent {
  readonly group_id?: string;
  readonly msg_ts?: string;
  readonly listed?: boolean;
}

/** A stored message. */
export interface GroupRecord {
  readonly group_id: string;
  readonly sender_pk: string;
  readonly text: string;
  readonly ts: string;
}

/** The answer to a request: JSON, or a text without its line end. */
export interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- tests look at answers of every shape
  readonly body: any;
  readonly headers: Headers;
}

/** A node of a group. It keeps its address over restarts. */
export class Member {
  readonly pk: string;
  #app: App;
  #at = "";
  readonly #options: MemberOptions;
  readonly #folder: string;

  private constructor(app: App, options: MemberOptions, folder: string) {
    this.#app = app;
    this.#options = options;
    this.#folder = folder;
    this.pk = keyOf(options.who);
  }

  /** Starts its process. */
  static async start(options: MemberOptions, folder: string): Promise<Member> {
    const app = await startApp(flagsOf(options, folder));
    return new Member(app, options, folder);
  }

  /** The process that runs now, or ran last. */
  get app(): App {
    return this.#app;
  }

  /** Where it serves its feed. */
  get at(): string {
    for (const line of this.#app.logs) {
      const found = /cxo-group .* OPEN as pk=[0-9a-f]+ role=\w+ on (\S+),/.exec(line)?.[1];
      if (found !== undefined) this.#at = found;
    }
    return this.#at;
  }

  /** Under what others dial it. */
  get spec(): string {
    return `tcp://${this.pk}@${this.at}`;
  }

  /** Its folder of groups. */
  get groupDir(): string {
    return groupDirOf(this.#options, this.#folder);
  }

  /** Starts it again where it was, once it has ended; with other flags where some are given. */
  async again(changes: Partial<MemberOptions> = {}): Promise<void> {
    const listen = this.at;
    this.#app = await startApp(flagsOf({ ...this.#options, listen, ...changes }, this.#folder));
  }

  /** Stops it as a user would and starts it again. */
  async restart(changes: Partial<MemberOptions> = {}): Promise<void> {
    const { at } = this;
    assert.notEqual(at, "");
    assert.equal(await this.#app.stop(), 0, "exit code");
    await this.again(changes);
  }

  /** Resolves when it follows the feeds of all these. */
  async follows(others: readonly Member[]): Promise<void> {
    const followed = others.filter((other) => other !== this);
    await Promise.all(
      followed.map(({ pk }) => this.#app.waitForLog(`cxo-group follows ${pk}`)),
    );
  }

  /** What it says of its group. */
  // deno-lint-ignore no-explicit-any -- tests look at all of it
  info(group: string = GROUP): Promise<any> {
    return ask(this.#app, `/group/${group}`);
  }

  /** The same, once it is as it should be; after 20 seconds as it is. */
  async infoWhen(
    // deno-lint-ignore no-explicit-any -- as above
    isEnough: (info: any) => boolean,
    group: string = GROUP,
    // deno-lint-ignore no-explicit-any -- as above
  ): Promise<any> {
    const end = Date.now() + DEADLINE_MS;
    for (;;) {
      const info = await this.info(group);
      if (isEnough(info) || Date.now() > end) return info;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** A request with a body as JSON. */
  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const reply = await fetch(`http://${this.#app.addr}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    const { headers, status } = reply;
    return { status, headers, body: /^[[{]/.test(text) ? JSON.parse(text) : text.trimEnd() };
  }

  /** Sends a text to the group; its time by its author. */
  async send(text: string, group: string = GROUP): Promise<string> {
    const { body, headers, status } = await this.request("POST", `/group/${group}/send`, { text });
    assert.equal(status, 204, `${text}: ${body}`);
    return headers.get("x-skychat-ts-nano") ?? "";
  }

  /** An admin's command about somebody; GroupInfo afterwards. */
  async act(
    action: string,
    { pk, addr }: { readonly pk: string; readonly addr?: string },
    group: string = GROUP,
    // deno-lint-ignore no-explicit-any -- as above
  ): Promise<any> {
    const { body, status } = await this.request(
      "POST",
      `/group/${group}/members/${action}`,
      { pk, addr },
    );
    assert.equal(status, 200, `${action}: ${body}`);
    return body;
  }

  /** Messages of the group on `/events` from the beginning, once there are enough. */
  async events(isEnough: (events: readonly GroupEvent[]) => boolean): Promise<GroupEvent[]> {
    const events = await eventsUntil(this.#app, isEnough, "since=0&channel=group");
    // A gap is told on every channel, also one of messages that were taken back.
    return events.filter(({ channel }) => channel === "group");
  }

  /** Their texts, once all these are among them; none may come twice. */
  async texts(expected: readonly string[]): Promise<string[]> {
    const wanted = new Set(expected);
    const events = await this.events((shown) =>
      wanted.isSubsetOf(new Set(shown.map(({ text }) => text)))
    );
    return events.map(({ text }) => text);
  }

  /** Texts that it was told before it now says this one itself. */
  async toldBefore(mark: string): Promise<string[]> {
    const { body, status } = await this.request("POST", "/message", {
      ...{ recipient: "", message: mark },
    });
    assert.equal(status, 200, `${mark}: ${body}`);
    const texts = await this.texts([mark]);
    assert.ok(texts.includes(mark), `${mark} is not among ${texts}`);
    return texts.slice(0, texts.indexOf(mark));
  }

  /** Governance as `/events` tells it, once all these were told. */
  async decisions(expected: readonly string[]): Promise<string[]> {
    const events = await eventsUntil(
      this.#app,
      (shown) => expected.every((text) => shown.some((event) => event.text === text)),
      "since=0&channel=system",
    );
    return events.map(({ text }) => text);
  }

  /** Stored messages, oldest first. */
  async history(group: string = GROUP): Promise<GroupRecord[]> {
    return await ask(this.#app, `/group/${group}/history?limit=1000`);
  }

  /** Runs `skychat group …` against it. */
  cli(...[command = "", ...args]: readonly string[]): Promise<RunResult> {
    return run(["group", command, "--addr", this.#app.addr, ...args]);
  }
}

/** Where members of a test are. */
export interface GroupScene {
  readonly folder: string;
  /** Starts a member, to be ended with the test. */
  start(options: MemberOptions): Promise<Member>;
  /** Ends another process with the test. */
  keep<T extends Running>(process: T): T;
}

/** Runs an action with members whose processes end whatever happens, and a folder. */
export async function withMembers(action: (scene: GroupScene) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-group-" });
  const members: Member[] = [];
  const others: Running[] = [];
  try {
    await action({
      folder,
      async start(options) {
        const member = await Member.start(options, folder);
        members.push(member);
        return member;
      },
      keep(process) {
        others.push(process);
        return process;
      },
    });
  } finally {
    await Promise.all(
      [...members.map(({ app }) => app), ...others].map((process) => process.kill()),
    );
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * A group of so many: the first founds it and lists the others, each of which dials those that `dials` names
 * (numbers from 1), and all of whom have a seat.
 *
 * @param dials by default everybody that was started before: a full mesh
 */
export async function startGroup(
  scene: GroupScene,
  { count, dials, ...options }: Omit<MemberOptions, "who"> & {
    readonly count: number;
    readonly dials?: (who: number) => readonly number[];
  },
): Promise<Member[]> {
  const group = options.group ?? GROUP;
  const owner = await scene.start({ ...options, who: 1, group });
  for (let who = 2; who <= count; who++) await owner.act("add", { pk: keyOf(who) }, group);
  const members = [owner];
  for (let who = 2; who <= count; who++) {
    const dialled = dials?.(who) ?? members.map((_, index) => index + 1);
    const peers = dialled.flatMap((number) => members[number - 1]?.spec ?? []);
    members.push(await scene.start({ ...options, who, group, peers }));
  }
  return members;
}

/** Resolves when everybody follows everybody. */
export async function meshed(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => member.follows(members)));
}

/** That everybody was told exactly these texts, each once, whatever the order. */
export async function toldOnce(
  members: readonly Member[],
  expected: readonly string[],
): Promise<void> {
  for (const member of members) {
    const texts = await member.texts(expected);
    assert.deepEqual(texts.toSorted(), expected.toSorted(), `events of ${member.pk}`);
  }
}

/** That the histories of all are the same, with exactly these texts, by time and sender. */
export async function storedOnce(
  members: readonly Member[],
  expected: readonly string[],
): Promise<void> {
  const histories = await Promise.all(members.map((member) => member.history()));
  const lines = histories.map((records) =>
    records.map(({ sender_pk, text, ts }) => `${ts} ${sender_pk} ${text}`)
  );
  const [first = []] = histories;
  assert.deepEqual(first.map(({ text }) => text).toSorted(), expected.toSorted());
  const sorted = first.toSorted((a, b) => compare(keyOfRecord(a), keyOfRecord(b)));
  assert.deepEqual(first, sorted, "by time and sender");
  for (const [index, of] of lines.entries()) {
    assert.deepEqual(of, lines[0], `history of ${members[index]?.pk}`);
  }
}

/** Sortable: RFC 3339 with trimmed zeros is not. */
function keyOfRecord({ sender_pk, ts }: GroupRecord): string {
  const [seconds = "", fraction = ""] = ts.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")} ${sender_pk}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function groupDirOf({ who }: MemberOptions, folder: string): string {
  return `${folder}/${who}/groups`;
}

function flagsOf(options: MemberOptions, folder: string): string[] {
  const { flags = [], group, listen = "127.0.0.1:0", owner = 1, peers = [], persist, who } =
    options;
  return [
    ...["--sk", secretOf(who), "--cxo-listen", listen, "--group-dir", groupDirOf(options, folder)],
    ...(group === undefined ? [] : ["--cxo-group", group, "--cxo-group-owner", keyOf(owner)]),
    ...peers.flatMap((peer) => ["--cxo-peer", peer]),
    ...(persist ? ["--persist", "--persist-db", `${folder}/${who}.db`, ...NO_LIMITS] : []),
    ...(persist ? ["--persist-group-rate=0", "--persist-group-cap=0"] : []),
    ...flags,
  ];
}
