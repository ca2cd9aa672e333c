import { type Clock, toHex } from "#kit";
import { type Decision, uncopied } from "./governance_copies.ts";
import { GroupError } from "./group_error.ts";
import type { GroupParts } from "./group_parts.ts";
import type { KeyRotation } from "./key_rotation.ts";
import { type Mutation, mutationDigest, verifyMutation } from "./mutation.ts";
import { mirrors } from "./topology.ts";
import { Turns } from "./turns.ts";

/** Records of others kept while nothing may be repeated (ours). */
const MAX_UNSAID = 4_096;
/** Records repeated, each with a signature that may have to be looked at, before others get a turn. */
const RECORDS_PER_TURN = 4;
/** Deliveries of keys kept meanwhile (ours). */
const MAX_UNSAID_DELIVERIES = 64;

/** What a voice is made with. */
export interface GovernanceVoiceOptions
  extends Pick<GroupParts, "desk" | "governance" | "keys" | "records" | "setup"> {
  readonly clock: Pick<Clock, "sleep">;
  /** Key of this node. */
  readonly self: string;
  /** Told what could not be said. */
  readonly onTrouble: (text: string) => void;
}

/**
 * What this node says about who belongs to the group, without having been asked to: as an admin what holds,
 * as a member what admins said, word for word. So it reaches members that read no admin, which messages do by
 * their copies.
 */
export class GovernanceVoice {
  readonly #options: GovernanceVoiceOptions;
  /** By digest and signature: one that is forged must not take the place of the true one. */
  readonly #heard = new Map<string, Mutation>();
  /** What was heard while nothing may be repeated, by digest. */
  readonly #unsaid = new Map<string, Mutation>();
  readonly #turns: Turns;
  #deliveries: KeyRotation[] = [];
  #saying: Promise<void> = Promise.resolve();
  #isDue = false;
  /** What this node has to hand out as the founder. */
  #owes: "all" | "new key" | undefined;

  /** Has nothing to say yet. */
  constructor(options: GovernanceVoiceOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock, RECORDS_PER_TURN);
  }

  /** Says what holds to whoever comes later, where the own feed does not say it yet (groups.md 4.6). */
  assert(): Promise<void> {
    return this.#saying = this.#saying.then(async () => {
      const { desk, records, setup } = this.#options;
      await records.retire();
      await this.#say(desk.assertions(setup.charter.members));
      if (desk.isAdmin) await this.#deliver();
    });
  }

  /**
   * A key of another admin came, or somebody whom another admin added. As the founder this node hands out the key
   * too: that another is an admin stands under the very seal that the key opens, and the founder needs no such word.
   *
   * @param isForNewcomer whether those are to get it who had no seat when this node handed it out last
   */
  vouch(isForNewcomer: boolean): void {
    if (this.#options.setup.role !== "owner") return;
    this.#owes = isForNewcomer || this.#owes === "all" ? "all" : "new key";
    this.#sayLater();
  }

  /** A record of an admin stands, whether it was heard before or not; whether it is genuine is checked. */
  heard(mutation: Mutation): void {
    if (mutation.issuer === this.#options.self) return;
    this.#heard.set(`${mutationDigest(mutation)} ${toHex(mutation.signature)}`, mutation);
    this.#sayLater();
  }

  /** Another admin handed out keys. */
  delivered(rotation: KeyRotation): void {
    this.#deliveries.push(rotation);
    this.#sayLater();
  }

  /** Resolves when all that was heard is said. */
  get said(): Promise<void> {
    return this.#saying;
  }

  /** Once for all that comes together, and once at a time: what is on its way to the disk is not there yet. */
  #sayLater(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#saying = this.#saying.then(async () => {
      this.#isDue = false;
      await this.#repeat();
    });
  }

  async #repeat(): Promise<void> {
    const { desk, governance, records, self } = this.#options;
    const owed = this.#owes;
    this.#owes = undefined;
    if (owed === "all") await records.deliverKey();
    else if (owed !== undefined) await this.#deliver();
    const retired = await records.retire();
    const about = new Set(
      retired.filter(({ issuer }) => issuer === self).map(({ peer }) => peer),
    );
    // Their issuer may be gone, and none any more, when somebody comes who reads only us.
    if (about.size > 0) await this.#say(desk.assertions([]).filter(({ peer }) => about.has(peer)));
    const standing = [...this.#heard.values()].filter((each) => !governance.isSuperseded(each));
    this.#heard.clear();
    if (!mirrors(governance.roster, self)) return this.#keep(standing);
    const due = [...this.#unsaid.values(), ...standing];
    const deliveries = this.#deliveries;
    this.#unsaid.clear();
    this.#deliveries = [];
    const { roster } = governance;
    const there = records.all().values();
    const copies = uncopied(due, { there, roster, isGenuine, turns: this.#turns });
    await this.#tried(() => records.copy(copies));
    for (const rotation of deliveries) await records.rotation(rotation);
  }

  /** What must not be repeated now is kept for when it may be, as far as it holds and there is room. */
  #keep(standing: readonly Mutation[]): void {
    const { governance } = this.#options;
    for (const mutation of standing) {
      const digest = mutationDigest(mutation);
      if (!this.#unsaid.has(digest) && isGenuine(mutation)) this.#unsaid.set(digest, mutation);
    }
    for (const [digest, mutation] of this.#unsaid) {
      const isExcess = this.#unsaid.size > MAX_UNSAID;
      if (isExcess || governance.isSuperseded(mutation)) this.#unsaid.delete(digest);
    }
    this.#deliveries = this.#deliveries.slice(-MAX_UNSAID_DELIVERIES);
  }

  /** The current key, where the own feed does not hand it out. */
  async #deliver(): Promise<void> {
    const { keys, records } = this.#options;
    const epoch = keys?.ring.current?.epoch;
    if (epoch !== undefined && !records.delivers(epoch)) await records.deliverKey();
  }

  #say(decisions: readonly Decision[]): Promise<void> {
    const { records } = this.#options;
    const missing = records.missing(decisions);
    return this.#tried(async () => void await records.publish(this.#signed(missing)));
  }

  async *#signed(decisions: readonly Decision[]): AsyncGenerator<Mutation> {
    const { desk } = this.#options;
    for (const decision of decisions) {
      if (!desk.isAdmin) return;
      yield desk.sign(decision);
      await this.#turns.spend();
    }
  }

  async #tried(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof GroupError)) throw error;
      this.#options.onTrouble(error.message);
    }
  }
}

function isGenuine(mutation: Mutation): boolean {
  return verifyMutation(mutation) === undefined;
}
