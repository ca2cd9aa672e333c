import type { PublicKey } from "#crypto";
import type { Channel, Subscription } from "#events";
import type { Clock, Log } from "#kit";

/** One message to send: what `POST /message` asks for, checked (http-api.md 4.1). */
export interface ControlSendRequest {
  /** The peer. */
  recipient: PublicKey;
  /** As the client sent it; empty is for the sender to refuse. */
  text: string;
  /** Milliseconds to wait for the receipt, above 0, not clamped yet. */
  waitMs?: number;
  /** Ask for a receipt without waiting. Never together with `waitMs`. */
  receipts?: boolean;
  /** Id of the quoted message. */
  replyTo?: string;
  /** One of the words of http-api.md 4.1; it only colours error texts. */
  network?: string;
}

/** What became of a message; times are milliseconds, messages are texts of http-api.md 4.1. */
export type ControlSendOutcome =
  | { kind: "sent"; id: string }
  | { kind: "receipt-asked"; id: string }
  | { kind: "acked"; id: string; ms: number }
  | { kind: "timeout"; id: string; ms: number }
  | { kind: "failed"; code: string; message: string };

/** What the control surface needs from the rest of the process. */
export interface ControlPorts {
  /** Sends a direct message. Never rejects for what a peer or a client does. */
  send(request: ControlSendRequest): Promise<ControlSendOutcome>;
  /** Every key of http-api.md 4.4, ready for JSON. */
  status(): Record<string, unknown>;
  /** Where event streams come from. */
  events: {
    subscribeLegacy(): Subscription;
    subscribe(filter: { channels: ReadonlySet<Channel>; since: number }): Subscription;
    readonly legacySubscribers: number;
  };
}

/** How a {@link ControlServer} is set up. */
export interface ControlOptions {
  /** Text of `--addr`, http-api.md 1.1. */
  address: string;
  /** `--no-password`: whether an address that is not loopback may be bound. */
  allowNonLoopback: boolean;
  /** Where the server reports what an operator should know. */
  log: Log;
  /** For every deadline. */
  clock: Clock;
  /** Connections at a time; MAX_CONNECTIONS unless a test wants to reach the cap sooner. */
  maxConnections?: number;
}
