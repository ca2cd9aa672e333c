import type { PasswordVerifier } from "#crypto";
import { type Clock, equalSecrets, type Log, quoteForLog, type Random, toHex, utf8 } from "#kit";
import { Attempts, clientKey, FAILURE_LIMIT, FAILURE_WINDOW_MS } from "./attempts.ts";
import { basicPassword, CredentialMemory, type Digest } from "./credentials.ts";
import { LoginQueue } from "./login_queue.ts";
import type { PasswordGate } from "./ports.ts";
import { textReply } from "./replies.ts";

/** Milliseconds by which the answers to an address with too many wrong tries are late (http-api.md 2.1). */
export const SLOWED_MS = 1_000;
/** Answers to one address that are being delayed at a time (ours); more get 503 at once. */
export const MAX_SLOWED_PER_CLIENT = 64;
/** Answers to all addresses that are being delayed at a time (ours): they hold connections. */
export const MAX_SLOWED = 128;

/** What a gate is made of. */
export interface GateOptions {
  /** From the password file. */
  readonly verifier: PasswordVerifier;
  /** Value of `--internal-token`; blank or absent turns that way in off (http-api.md 2.2). */
  readonly internalToken?: string | undefined;
  /** For delays and for forgetting tries. */
  readonly clock: Clock;
  /** For the key of the remembered digests, and for who has to give way. */
  readonly random: Random;
  /** Told when an address begins to be slowed, at most once a minute. */
  readonly log?: Log | undefined;
}

type Credentials = Parameters<PasswordGate["check"]>[0];

/** The password gate of http-api.md 2. It leaves no timers behind once its answers are given. */
export function createGate(options: GateOptions): PasswordGate {
  return new Gate(options);
}

class Gate implements PasswordGate {
  readonly #options: GateOptions;
  readonly #memory: CredentialMemory;
  readonly #token: Digest | undefined;
  readonly #attempts: Attempts;
  readonly #queue: LoginQueue;
  /** Checks under way by digest: the same password is never hashed twice at a time. */
  readonly #checking = new Map<string, Promise<boolean | "busy">>();
  readonly #slowed = new Map<string, number>();
  #slowedTotal = 0;
  #quietUntil = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#memory = new CredentialMemory(options);
    const token = options.internalToken?.trim() ?? "";
    if (token !== "") this.#token = this.#memory.digest(utf8(token));
    this.#attempts = new Attempts(options);
    const failures = (address: string) => this.#attempts.recent(address);
    this.#queue = new LoginQueue({ failures, random: options.random });
  }

  async check(credentials: Credentials, client: string): Promise<Response | undefined> {
    const token = this.#checkToken(credentials.internalToken);
    if (token === "right") return undefined;
    const password = basicPassword(credentials.authorization);
    if (password === undefined && token === "none") return unauthorized("authentication required");
    const digest = password && this.#memory.digest(password);
    if (digest !== undefined && this.#memory.isRight(digest)) return undefined;
    const verdict = await this.#try(clientKey(client), password && digest && { password, digest });
    if (verdict === true) return undefined;
    if (verdict === "busy") return tooMany();
    return unauthorized(password ? "invalid credentials" : "authentication required");
  }

  /** Digests are compared, so that not even the length of the token shows. */
  #checkToken(sent: string | undefined): "none" | "right" | "wrong" {
    if (this.#token === undefined || sent === undefined || sent === "") return "none";
    return equalSecrets(this.#memory.digest(utf8(sent)), this.#token) ? "right" : "wrong";
  }

  /** One try, slowed when the address has earned it. Without a password it is a wrong token. */
  async #try(
    address: string,
    secret: { password: Uint8Array; digest: Digest } | undefined,
  ): Promise<boolean | "busy"> {
    const sameSecret = secret && this.#checking.get(toHex(secret.digest));
    if (sameSecret === undefined && this.#attempts.isSlowed(address)) {
      if (!await this.#delay(address)) return "busy";
      if (secret !== undefined && this.#memory.isRight(secret.digest)) return true;
    }
    // Counted before the answer is known: many tries at once must not slip through together.
    this.#attempts.fail(address);
    const verdict = await (sameSecret ?? (secret !== undefined && this.#verify(address, secret)));
    if (verdict === false) this.#warn(address);
    else this.#attempts.forgive(address);
    return verdict;
  }

  #verify(
    address: string,
    { password, digest }: { password: Uint8Array; digest: Digest },
  ): Promise<boolean | "busy"> {
    if (this.#memory.isWrong(digest)) return Promise.resolve(false);
    const key = toHex(digest);
    const running = this.#checking.get(key);
    if (running !== undefined) return running;
    const { verifier } = this.#options;
    const work = () => verifier.verify(password);
    const checking = (verifier.slow ? this.#queue.run(address, work) : work()).then((verdict) => {
      if (verdict !== "busy") this.#memory.learn(digest, verdict);
      return verdict;
    }).finally(() => this.#checking.delete(key));
    this.#checking.set(key, checking);
    return checking;
  }

  #warn(address: string): void {
    if (!this.#attempts.isSlowed(address)) return;
    const now = this.#options.clock.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + FAILURE_WINDOW_MS;
    this.#options.log?.warn(
      `skychat: ${FAILURE_LIMIT} wrong passwords within a minute from ${quoteForLog(address)}, ` +
        "further answers to it are delayed",
    );
  }

  /** Waits; false when too many wait already. */
  async #delay(address: string): Promise<boolean> {
    const held = this.#slowed.get(address) ?? 0;
    if (held >= MAX_SLOWED_PER_CLIENT || this.#slowedTotal >= MAX_SLOWED) return false;
    this.#slowed.set(address, held + 1);
    this.#slowedTotal++;
    await this.#options.clock.sleep(SLOWED_MS);
    this.#slowedTotal--;
    const left = (this.#slowed.get(address) ?? 1) - 1;
    if (left === 0) this.#slowed.delete(address);
    else this.#slowed.set(address, left);
    return true;
  }
}

/** The two refusals of http-api.md 2.1. */
function unauthorized(reason: string): Response {
  return textReply(401, `skychat: ${reason}`, {
    "www-authenticate": 'Basic realm="skychat"',
  });
}

function tooMany(): Response {
  return textReply(503, "too many logins at once, try again", { "retry-after": "1" });
}
