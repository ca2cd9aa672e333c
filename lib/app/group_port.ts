import type { GroupSession, Mutation, NodeCounts } from "#group";
import type { CreatedGroup, GroupCreateRequest, GroupsPort, MemberChange } from "#http";
import { CodedError, parseRfc3339, utf8 } from "#kit";
import type { LinkContext } from "#net";
import type { KvHistory } from "#store";
import { memberLine, type NodeLine, ownerLine, reachableAt } from "./group_lines.ts";
import { type GroupService, sayHowToGetIn } from "./group_service.ts";

/** What drives groups besides their service. */
export interface GroupPortParts {
  readonly service: GroupService;
  readonly context: LinkContext;
  readonly history: KvHistory | undefined;
  /** Whether feeds of direct messages have the place of a group. */
  readonly hasFeeds: boolean;
  /** For the views of groups. */
  readonly counts: () => NodeCounts;
  /** How this node was started, for the lines that start it anew. */
  readonly line: NodeLine;
}

/** Longest name of a group, bytes (groups.md 5.4). */
const MAX_NAME_BYTES = 64;

/** Plugs the group of a node into the control surface. */
export function groupsPort(parts: GroupPortParts): GroupsPort {
  const control = new GroupControl(parts);
  return {
    unsupported: control.unsupported,
    list: () => control.list(),
    info: (id) => control.view(control.find(id)),
    create: (request) => control.create(request),
    join: (request) => control.join(request),
    invite: (id, { address }) => control.invite(control.find(id), address),
    async send(id, text) {
      const { kept, ts } = await control.find(id).publisher.send(text);
      return { tsNano: ts, kept };
    },
    unsend: (id, ts) => control.unsend(control.find(id), ts),
    history: (id, request) => control.history(id, request),
    stored: () => parts.history?.groups() ?? Promise.resolve([]),
    change: (id, change) => control.change(control.find(id), change),
    setReadOnly: (id, on) => control.decide(control.find(id), ({ desk }) => desk.setReadOnly(on)),
    setBackfill: (id, on) => control.decide(control.find(id), ({ desk }) => desk.setBackfill(on)),
    async rotateKey(id) {
      const session = control.find(id);
      const { epoch, recipients } = await session.rotateKey();
      return { info: control.view(session), epoch, recipients };
    },
    rename: (id, name) => control.rename(control.find(id), name),
    leave: (id) => parts.service.end(control.find(id), "left"),
    remove: (id) => control.remove(control.find(id)),
  };
}

/** What the routes of groups do. Refusals are `CodedError`s with the codes of `GroupError`. */
class GroupControl {
  readonly #parts: GroupPortParts;

  constructor(parts: GroupPortParts) {
    this.#parts = parts;
  }

  /** Groups of this kind are the same with a visor; only the text of groups.md 6.4 is not. */
  get unsupported(): string {
    return this.#parts.line.embedded ? "not supported" : "not supported in standalone mode";
  }

  /** The group that runs. */
  running(): GroupSession {
    const { session } = this.#parts.service;
    const status = session?.state.status;
    // One that ends may take a moment.
    const isOver = status === "left" || status === "revoked";
    if (session !== undefined && !isOver) return session;
    throw new CodedError("group-unavailable", "groups disabled (visor RPC unavailable)");
  }

  /** The group of that id. */
  find(id: string): GroupSession {
    const session = this.running();
    if (session.id === id || session.id === id.toLowerCase()) return session;
    throw new CodedError("no-such-group", "no such group");
  }

  /** All but those that this node is no part of any more. */
  list(): readonly object[] {
    const info = this.running().info(this.#parts.counts());
    return info["status"] === "left" || info["status"] === "revoked" ? [] : [info];
  }

  view(session: GroupSession): object {
    return session.info(this.#parts.counts());
  }

  async create(request: GroupCreateRequest): Promise<CreatedGroup> {
    const { context: { local, random }, line, service } = this.#parts;
    checkName(request.name, "create");
    this.#checkPlace();
    this.#checkIdentity("so nobody would own the group after a restart");
    const { newGroupId } = await service.module();
    const session = await service.begin({
      id: newGroupId(random),
      owner: local.publicKey.hex,
      peers: [],
      members: request.members,
      governance: service.defaults.governance,
      name: request.name,
      kind: request.kind ?? request.mode ?? "public",
    });
    if (request.peerBackfill === false) {
      await this.decide(session, ({ desk }) => desk.setBackfill(false));
    }
    const invite = this.invite(session, request.address);
    const { mode, owner } = session.state.charter;
    return {
      info: this.view(session),
      invite,
      start: {
        owner: ownerLine({ id: session.id, listening: session.listening, mode, owner }, {
          ...line,
          advertise: request.address ?? line.advertise,
        }),
        member: memberLine(invite),
      },
    };
  }

  async join({ address, invite }: { invite?: string; address?: string }): Promise<object> {
    const { context: { local, log }, service } = this.#parts;
    if (invite === undefined) {
      throw new CodedError(
        "group-unsupported",
        `${this.unsupported}: ${address ?? ""} says nothing of where the group is, ask for an ` +
          "invite link",
      );
    }
    this.#checkPlace();
    this.#checkIdentity(
      "so the group would not know this node after a restart; skychat app --join <link> makes a key " +
        "and keeps it",
    );
    const self = local.publicKey.hex;
    const terms = await service.termsOfLink(invite);
    const session = await service.begin({ ...terms, again: true });
    sayHowToGetIn(log, { id: session.id, self, owner: terms.owner });
    return this.view(session);
  }

  invite(session: GroupSession, address?: string): string {
    const { line: { advertise } } = this.#parts;
    return session.invite(reachableAt({ address, advertise, listen: session.listening }));
  }

  async unsend(session: GroupSession, ts: bigint): Promise<void> {
    if (!session.publisher.hasOwn(ts)) {
      throw new CodedError("no-such-message", "no message of yours with that time");
    }
    await session.publisher.unsend(ts);
  }

  async history(
    id: string,
    request: { readonly limit: number; readonly before?: bigint },
  ): ReturnType<GroupsPort["history"]> {
    const { history, service } = this.#parts;
    if (history === undefined) {
      throw new CodedError(
        "group-unavailable",
        "history: nothing is kept: start the app with --persist",
      );
    }
    const records = await history.groupHistory(id, request);
    // Of a group that was left there may still be messages.
    if (records.length === 0 && service.session?.id !== id) this.find(id);
    return records.map(({ group_id, sender_pk, text, timestamp }) => ({
      ...{ group_id, sender_pk, text },
      ts: timestamp,
      ts_nano: parseRfc3339(timestamp) ?? 0n,
    }));
  }

  async change(
    session: GroupSession,
    { action, address, pk }: MemberChange,
  ): Promise<object> {
    await session.decide(session.desk.act(action, pk), {
      address: address === undefined ? undefined : { pk, at: address },
    });
    return this.view(session);
  }

  async decide(
    session: GroupSession,
    act: (session: GroupSession) => readonly Mutation[],
  ): Promise<object> {
    await session.decide(act(session));
    return this.view(session);
  }

  async rename(session: GroupSession, name: string): Promise<object> {
    checkName(name, "rename");
    if (session.state.role !== "owner") {
      throw new CodedError(
        "bad-group-request",
        "group: rename: only the founding visor can change this — members take name and picture from it",
      );
    }
    await session.rename(name);
    return this.view(session);
  }

  async remove(session: GroupSession): Promise<void> {
    if (!session.desk.isAdmin) {
      throw new CodedError(
        "group-forbidden",
        "group: Delete: only admins can revoke a group; use Leave to depart",
      );
    }
    await this.#parts.service.end(session, "revoked");
  }

  /** A seat belongs to a key. */
  #checkIdentity(consequence: string): void {
    if (this.#parts.line.identitySource !== "ephemeral") return;
    throw new CodedError(
      "group-conflict",
      `this node's key is random and changes at every start, ${consequence}; start it with -c, ` +
        "DMSGCURL_SK or --sk",
    );
  }

  /** An identity has one feed: direct messages or a group (groups.md 1.5). */
  #checkPlace(): void {
    if (!this.#parts.hasFeeds) return;
    throw new CodedError(
      "group-conflict",
      "this node runs --cxo, and its feed cannot carry a group as well: start another node for the " +
        "group, or this one without --cxo",
    );
  }
}

function checkName(name: string, what: string): void {
  if (name.trim() === "") {
    throw new CodedError("bad-group-request", `group: ${what}: a group needs a name`);
  }
  if (utf8(name).length > MAX_NAME_BYTES) {
    throw new CodedError(
      "bad-group-request",
      `group: ${what}: name too long (max ${MAX_NAME_BYTES} bytes)`,
    );
  }
}
