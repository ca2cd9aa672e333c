import type { SecretKey } from "#crypto";
import type { Clock, Log, Random } from "#kit";
import type { Network } from "./byte_stream.ts";

/** What links are opened and accepted with. */
export interface LinkContext {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Our identity. */
  readonly local: SecretKey;
  /** Refuse peers without ML-KEM (`SKYWIRE_REQUIRE_PQ`, noise.md 4). */
  readonly requirePostQuantum: boolean;
}
