import { type Clock, type Log, quoteForLog } from "#kit";
import type { Refusal } from "./accept_gate.ts";
import { FLOOD_LINES, FloodLog, TROUBLE_WINDOW_MS } from "./flood_log.ts";

/** How the lines of one listener begin. */
export interface AcceptLogOptions {
  /** Which listener it is: `tcp-direct`, `cxo`. */
  readonly name: string;
  /** What failed when a handshake did. */
  readonly handshake: string;
}

/** Every line that a listener writes; texts of messages.md 8.1, noise.md 8.2 and cxo.md 13. */
export class AcceptLog {
  readonly #log: Log;
  readonly #name: string;
  readonly #handshake: string;
  readonly #failed: FloodLog;
  readonly #rejected: FloodLog;
  readonly #refused: FloodLog;
  readonly #trouble: FloodLog;
  readonly #shed: FloodLog;
  readonly #accepted: FloodLog;

  constructor(
    { clock, log }: { clock: Clock; log: Log },
    { name, handshake }: AcceptLogOptions,
  ) {
    this.#log = log;
    this.#name = name;
    this.#handshake = handshake;
    const warn = (line: string) => log.warn(line);
    const flood = (lines: number, what: string, windowMs?: number, write = warn) =>
      new FloodLog({
        clock,
        write,
        lines,
        windowMs,
        summary: (count) => `skychat: ${name} ${count} more ${what}`,
      });
    this.#failed = flood(FLOOD_LINES, "handshakes failed");
    this.#rejected = flood(FLOOD_LINES, "peers rejected: not on whitelist");
    this.#refused = flood(1, "connections refused over a limit");
    this.#trouble = flood(1, "Accept errors", TROUBLE_WINDOW_MS);
    const info = (line: string) => log.info(line);
    this.#accepted = flood(FLOOD_LINES, "conns accepted", undefined, info);
    this.#shed = flood(1, "links closed for want of descriptors", TROUBLE_WINDOW_MS);
  }

  handshakeFailed(remoteAddress: string, message: string): void {
    this.#failed.line(
      `skychat: ${this.#name} handshake failed from ${remoteAddress}: ${this.#handshake}: ${message}`,
    );
  }

  rejected(peer: string): void {
    this.#rejected.line(`skychat: ${this.#name} rejecting ${peer}: not on whitelist`);
  }

  accepted(peer: string, remoteAddress: string): void {
    const line = `skychat: ${this.#name} conn accepted from ${peer}`;
    if (this.#name === "tcp-direct") return this.#log.info(line);
    // Whoever reaches a feed may follow it, with a new key each time.
    this.#accepted.line(`${line} (${remoteAddress})`);
  }

  refused(remoteAddress: string, refusal: Refusal): void {
    this.#refused.line(
      `skychat: ${this.#name} refused ${remoteAddress}: ${REFUSAL_TEXTS[refusal]}`,
    );
  }

  acceptError(message: string): void {
    this.#trouble.line(`skychat: ${this.#name} Accept: ${message}`);
  }

  shed(remoteAddress: string): void {
    this.#shed.line(
      `skychat: ${this.#name} closed the link from ${remoteAddress}: too many open files`,
    );
  }

  linkFailed(peer: string, message: string): void {
    this.#log.error(`skychat: ${this.#name} link to ${peer} failed: ${quoteForLog(message)}`);
  }

  /** Writes what was left out so far. */
  flush(): void {
    const floods = [
      this.#accepted,
      this.#failed,
      this.#rejected,
      this.#refused,
      this.#trouble,
      this.#shed,
    ];
    for (const flood of floods) flood.flush();
  }
}

const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  rate: "too many new connections from its address",
  crowd: "too many links from its address",
  slots: "too many handshakes in progress",
  full: "too many connections",
};
