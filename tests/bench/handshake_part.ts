import { SecretKey } from "#crypto";
import { systemRandom as random } from "#kit";
import { SecureSession, type SessionEvent } from "#session";
import { kemAnswer, kemOffer, keyOperations } from "./key_operations.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, processorNow } from "./rounds.ts";
import { median } from "./statistics.ts";

const KINDS = ["classical", "hybrid"] as const;
const ROLES = ["initiator", "responder"] as const;

/** Processor time of the XK handshake, no socket: each role against the key operations it must do. */
export const handshakePart: Part = {
  name: "handshake",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const count = context.size(60, 5);
    const bench = new HandshakeBench(count);
    const samples = await interleaved(context.size(5, 1), {
      "classical initiator": () => bench.run("classical").initiator,
      "classical responder": () => bench.last.responder,
      "hybrid initiator": () => bench.run("hybrid").initiator,
      "hybrid responder": () => bench.last.responder,
      "classical initiator floor": () => keyOperations(count),
      "hybrid initiator floor": () => keyOperations(count) + kemOffer(count),
      "hybrid responder floor": () => keyOperations(count) + kemAnswer(count),
    });
    return KINDS.flatMap((kind) =>
      ROLES.map((role) => {
        const floor = kind === "classical" ? "classical initiator floor" : `hybrid ${role} floor`;
        return {
          name: `${kind} handshake, ${role}`,
          ...figures(samples[`${kind} ${role}` as keyof typeof samples]),
          unit: "us CPU",
          floor: {
            name: kind === "classical" ? "key + 3 ECDH" : "key + 3 ECDH + ML-KEM",
            value: median(samples[floor as keyof typeof samples]),
          },
        };
      })
    );
  },
};

class HandshakeBench {
  readonly #count: number;
  readonly #client = SecretKey.generate(random);
  readonly #server = SecretKey.generate(random);
  /** Microseconds a handshake of the last {@link run}, by role. */
  last = { initiator: 0, responder: 0 };

  constructor(count: number) {
    this.#count = count;
  }

  run(kind: typeof KINDS[number]): { initiator: number; responder: number } {
    const total = { initiator: 0, responder: 0 };
    for (let index = -2; index < this.#count; index++) {
      const once = this.#handshake(kind === "hybrid");
      if (index < 0) continue;
      total.initiator += once.initiator;
      total.responder += once.responder;
    }
    const scale = 1_000 / this.#count;
    this.last = { initiator: total.initiator * scale, responder: total.responder * scale };
    return this.last;
  }

  #handshake(offerPostQuantum: boolean): { initiator: number; responder: number } {
    const started = processorNow();
    const initiator = new SecureSession({
      role: "initiator",
      pattern: "XK",
      local: this.#client,
      remote: this.#server.publicKey,
      random,
      offerPostQuantum,
    });
    const first = sentBytes(initiator.start());
    const offered = processorNow();
    const responder = new SecureSession({
      role: "responder",
      pattern: "XK",
      local: this.#server,
      random,
    });
    const second = sentBytes(responder.push(first));
    const answered = processorNow();
    const third = sentBytes(initiator.push(second));
    const finished = processorNow();
    responder.push(third);
    const ended = processorNow();
    if (!responder.established) throw new Error("Cannot finish the handshake in memory");
    return {
      initiator: offered - started + finished - answered,
      responder: answered - offered + ended - finished,
    };
  }
}

function sentBytes(events: readonly SessionEvent[]): Uint8Array {
  for (const event of events) if (event.kind === "send") return event.bytes;
  throw new Error("Cannot go on with the handshake: nothing to send");
}
