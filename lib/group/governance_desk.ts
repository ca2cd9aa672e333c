import type { SecretKey } from "#crypto";
import type { Clock } from "#kit";
import { type Fact, type Register, registersOf } from "./facts.ts";
import type { Governance } from "./governance.ts";
import type { Decision } from "./governance_copies.ts";
import { GroupError } from "./group_error.ts";
import { isGovernable } from "./group_id.ts";
import { type Mutation, type MutationOp, signMutation } from "./mutation.ts";
import { MAX_MEMBERS } from "./roster.ts";

/** A command of an admin about one person (groups.md 5.4). */
export type MemberAction =
  | "add"
  | "remove"
  | "promote"
  | "demote"
  | "ban"
  | "unban"
  | "mute"
  | "unmute";

/** What {@link GovernanceDesk} is made with. */
export interface GovernanceDeskOptions {
  readonly groupId: string;
  /** The founder. */
  readonly owner: string;
  readonly secret: SecretKey;
  readonly clock: Pick<Clock, "wall">;
  readonly governance: Governance;
  /** When the group was made, nanoseconds since 1970: the date of what the flags say. */
  readonly createdAt: bigint;
}

/** How the texts of groups.md 5.4 name each command, and what they say to whoever may not give it. */
const COMMANDS: Readonly<Record<MemberAction, { name: string; authority: string }>> = {
  add: { name: "AddMember", authority: "only admins can edit roster" },
  remove: { name: "RemoveMember", authority: "only admins can edit roster" },
  promote: { name: "PromoteAdmin", authority: "only admins can promote" },
  demote: { name: "DemoteAdmin", authority: "only admins can demote" },
  ban: { name: "Ban", authority: "only admins can moderate" },
  unban: { name: "Unban", authority: "only admins can moderate" },
  mute: { name: "Mute", authority: "only admins can moderate" },
  unmute: { name: "Unmute", authority: "only admins can moderate" },
};

/** What of a decision must not be said again: it is what holds where nothing was decided. */
const DEFAULTS: ReadonlySet<MutationOp> = new Set(["unban", "unmute", "read-write", "backfill-on"]);

/**
 * Turns commands of this node's user into signed records (groups.md 5.4): checks the right to give them,
 * leaves out what changes nothing, and applies them here. To be published by whoever asked, in order.
 */
export class GovernanceDesk {
  readonly #options: GovernanceDeskOptions;

  /** For this node's user. */
  constructor(options: GovernanceDeskOptions) {
    this.#options = options;
  }

  /** Whether this node's user is an admin. */
  get isAdmin(): boolean {
    const { governance, secret } = this.#options;
    return governance.roster.isAdmin(secret.publicKey.hex);
  }

  /**
   * A command about a person; the records that carry it out, none where it is so already.
   *
   * @throws {GroupError} with a text of groups.md 5.4
   */
  act(action: MemberAction, peer: string): readonly Mutation[] {
    const { name, authority } = COMMANDS[action];
    this.check(name, authority);
    this.#checkTarget(action, { name, peer });
    const { roster } = this.#options.governance;
    switch (action) {
      case "add":
        return roster.isMember(peer) ? [] : [this.#issue("add", peer)];
      case "remove":
        return [...this.#demote(peer), ...this.#remove(peer)];
      case "promote":
        return roster.isAdmin(peer) ? [] : [this.#issue("promote", peer)];
      case "demote":
        return this.#demote(peer);
      case "ban":
        if (roster.banned.has(peer)) return [];
        // A reader of the deployed system takes the seat at the first, so what it decided is kept first.
        return [...this.#takeOver(peer), ...this.#remove(peer), this.#issue("ban", peer)];
      case "unban":
        return roster.banned.has(peer) ? [this.#issue("unban", peer)] : [];
      case "mute":
        return roster.muted.has(peer) ? [] : [this.#issue("mute", peer)];
      case "unmute":
        return roster.muted.has(peer) ? [this.#issue("unmute", peer)] : [];
    }
  }

  /** Whether only admins may write; see {@link act}. */
  setReadOnly(on: boolean): readonly Mutation[] {
    this.check("SetReadOnly", "only admins can moderate");
    const isOn = this.#options.governance.roster.readOnlySince !== undefined;
    return isOn === on ? [] : [this.#issue(on ? "read-only" : "read-write", "")];
  }

  /** Whether members serve the history to others; see {@link act}. */
  setBackfill(on: boolean): readonly Mutation[] {
    this.check("SetPeerBackfill", "only admins can moderate");
    const { roster } = this.#options.governance;
    if (roster.kind === "channel") {
      throw new GroupError("group-conflict", "group: SetPeerBackfill: a channel has no backfill");
    }
    return roster.backfill === on ? [] : [this.#issue(on ? "backfill-on" : "backfill-off", "")];
  }

  /** What an admin that leaves says last: that it is no member any more (groups.md 5.5). */
  depart(): readonly Mutation[] {
    const { groupId, owner, secret } = this.#options;
    const self = secret.publicKey.hex;
    if (!this.isAdmin || self === owner || !isGovernable(groupId)) return [];
    return [this.#issue("remove", self), this.#issue("demote", self)];
  }

  /**
   * What holds, as this node would decide it with the dates of then (groups.md 4.6), to be passed to {@link sign}:
   * whoever comes later learns it from here, and nothing newer is overridden. The founder also says whom the
   * flags list.
   */
  assertions(flagged: Iterable<string>): readonly Decision[] {
    const { createdAt, governance, groupId, owner, secret } = this.#options;
    const self = secret.publicKey.hex;
    if (!this.isAdmin || !isGovernable(groupId)) return [];
    const assertions: Decision[] = [];
    for (const [register, { issuedAt, issuer, op }] of governance.facts) {
      const peer = targetOf(register);
      if (register.startsWith("eviction:") || DEFAULTS.has(op)) continue;
      // Said by another it would be no resignation, and take what that admin decided along.
      if (op === "demote" && issuer === peer) continue;
      assertions.push({ op, peer, issuedAt });
    }
    if (self === owner) {
      for (const peer of flagged) {
        const known = governance.facts.has(`roster:${peer}`) || peer === owner;
        if (!known) assertions.push({ op: "add", peer, issuedAt: createdAt });
      }
    }
    return assertions.sort((a, b) =>
      a.issuedAt < b.issuedAt ? -1 : a.issuedAt > b.issuedAt ? 1 : 0
    );
  }

  /** What this node decides, signed. */
  sign({ op, peer, issuedAt }: Decision): Mutation {
    const { groupId, secret } = this.#options;
    return signMutation(secret, { groupId, op, peer, issuedAt });
  }

  /** @throws {GroupError} this node's user has no right to decide, or nobody can in this group */
  check(name: string, authority: string): void {
    const { groupId } = this.#options;
    if (!isGovernable(groupId)) {
      throw new GroupError("group-not-uuid", "group id is not a UUID; roster changes need one");
    }
    if (!this.isAdmin) throw new GroupError("group-forbidden", `group: ${name}: ${authority}`);
  }

  #checkTarget(action: MemberAction, { name, peer }: { name: string; peer: string }): void {
    const { governance: { roster }, owner } = this.#options;
    const conflict = (text: string) => new GroupError("group-conflict", `group: ${name}: ${text}`);
    if (peer === owner && (action === "remove" || action === "demote")) {
      throw conflict(`cannot ${action} the founder`);
    }
    if (peer === owner && (action === "ban" || action === "mute")) {
      throw conflict("gossip: cannot ban or mute founder");
    }
    if (action === "promote" && roster.banned.has(peer)) {
      throw conflict("peer is banned; unban first");
    }
    if (action === "promote" && !roster.isMember(peer)) {
      throw conflict("peer is no member; add it first");
    }
    if (action !== "add") return;
    if (roster.banned.has(peer)) throw conflict("peer is banned; unban before approving");
    if (!roster.isMember(peer) && roster.members.size >= MAX_MEMBERS) {
      throw conflict(`a group has at most ${MAX_MEMBERS} members`);
    }
  }

  #remove(peer: string): Mutation[] {
    return this.#options.governance.roster.isMember(peer) ? [this.#issue("remove", peer)] : [];
  }

  #demote(peer: string): Mutation[] {
    if (!this.#options.governance.roster.isAdmin(peer)) return [];
    return [...this.#takeOver(peer), this.#issue("demote", peer)];
  }

  /**
   * What an admin decided who is about to be none, signed by this node with the same dates: whoever hears of
   * the demotion first would not believe that admin any more.
   */
  #takeOver(peer: string): Mutation[] {
    const { governance } = this.#options;
    if (!governance.roster.isAdmin(peer)) return [];
    const taken = [...governance.facts]
      .filter(([register, { issuer }]) => issuer === peer && !register.startsWith("eviction:"))
      .map(([register, { issuedAt, op }]) => this.sign({ op, peer: targetOf(register), issuedAt }));
    governance.applyOwn(taken);
    return taken;
  }

  /** Later than whatever is known about the same, so that it counts. */
  #issue(op: MutationOp, peer: string): Mutation {
    const { clock, governance } = this.#options;
    let issuedAt = clock.wall();
    for (const register of registersOf(op, peer)) {
      const known: Fact | undefined = governance.facts.get(register);
      if (known !== undefined && known.issuedAt >= issuedAt) issuedAt = known.issuedAt + 1n;
    }
    const mutation = this.sign({ op, peer, issuedAt });
    governance.applyOwn([mutation]);
    return mutation;
  }
}

/** Whom a register is about; empty for what concerns the group. */
function targetOf(register: Register): string {
  const colon = register.indexOf(":");
  return colon < 0 ? "" : register.slice(colon + 1);
}
