import type { SecretKey } from "#crypto";
import type { Clock, Log, Random } from "#kit";
import type { Network } from "./byte_stream.ts";

/** What links are opened and accepted with. */
export interface LinkContext {
  /** Where streams come from. */
  readonly network: Network;
  /** For limits and waits. */
  readonly clock: Clock;
  /** For the keys of each handshake. */
  readonly random: Random;
  /** For the lines of messages.md 8. */
  readonly log: Log;
  /** Our identity. */
  readonly local: SecretKey;
  /** Refuse peers without ML-KEM (`SKYWIRE_REQUIRE_PQ`, noise.md 4). */
  readonly requirePostQuantum: boolean;
}
