import { cipherOf, SecretKey } from "#crypto";
import { systemRandom as random } from "#kit";
import { SecureSession, type SessionEvent } from "#session";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, microseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";

/** Largest plaintext of one record: the size bulk data is cut into. */
const FULL_RECORD = 4_070;
const BULK = 65_536;
const MEBIBYTE = 1_048_576;

/** Sealing and opening records against the bare cipher on the same bytes. */
export const recordsPart: Part = {
  name: "records",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const rounds = context.size(5, 1);
    const rows: Row[] = [];
    for (const size of [64, FULL_RECORD]) {
      const count = context.size(size === 64 ? 20_000 : 4_000, 50);
      const samples = await interleaved(rounds, perRecord(size, count));
      rows.push(
        ...(["seal", "open"] as const).map((direction) => ({
          name: `${direction} a record of ${size} bytes`,
          ...figures(samples[direction]),
          unit: "us",
          floor: {
            name: `bare cipher, ${direction}`,
            value: median(samples[`${direction} floor`]),
          },
        })),
      );
    }
    return [...rows, ...await bulkRows(context, rounds)];
  },
};

async function bulkRows(context: BenchContext, rounds: number): Promise<Row[]> {
  const samples = await interleaved(rounds, bulk(context.size(300, 4)));
  return (["seal", "open"] as const).map((direction) => ({
    name: `${direction} 64 KiB in records`,
    ...figures(samples[direction]),
    unit: "MiB/s",
    floor: {
      name: `bare cipher, ${direction}, 4070 B`,
      value: median(samples[`${direction} floor`]),
    },
  }));
}

type Measurements = Record<"seal floor" | "seal" | "open floor" | "open", () => number>;

function perRecord(size: number, count: number): Measurements {
  const plaintext = random.bytes(size);
  const cipher = cipherOf(random.bytes(32));
  const sealed = cipher.seal(1n, plaintext);
  let number = 0n;
  return {
    "seal floor": () => microseconds(count, () => void cipher.seal(++number, plaintext)),
    "seal": () => {
      const { initiator } = sessionPair();
      return microseconds(count, () => void initiator.seal(plaintext));
    },
    "open floor": () => microseconds(count, () => void cipher.open(1n, sealed)),
    "open": () => {
      const { initiator, responder } = sessionPair();
      const records = Array.from({ length: count + 50 }, () => initiator.seal(plaintext));
      let next = 0;
      return microseconds(count, () => mustOpen(responder, records[next++]));
    },
  };
}

function bulk(count: number): Measurements {
  const plaintext = random.bytes(BULK);
  const cipher = cipherOf(random.bytes(32));
  const pieces = Array.from(
    { length: Math.ceil(BULK / FULL_RECORD) },
    (_, index) => plaintext.subarray(index * FULL_RECORD, (index + 1) * FULL_RECORD),
  );
  const sealed = pieces.map((piece) => cipher.seal(1n, piece));
  const rate = (us: number) => BULK / MEBIBYTE * 1_000_000 / us;
  return {
    "seal floor": () =>
      rate(microseconds(count, () => pieces.forEach((piece) => void cipher.seal(1n, piece)))),
    "seal": () => {
      const { initiator } = sessionPair();
      return rate(microseconds(count, () => void initiator.seal(plaintext)));
    },
    "open floor": () =>
      rate(microseconds(count, () => sealed.forEach((piece) => void cipher.open(1n, piece)))),
    "open": () => {
      const { initiator, responder } = sessionPair();
      const writes = Array.from({ length: count + 50 }, () => initiator.seal(plaintext));
      let next = 0;
      return rate(microseconds(count, () => mustOpen(responder, writes[next++])));
    },
  };
}

/** Two established sessions, linked by nothing but their keys. */
function sessionPair(): { initiator: SecureSession; responder: SecureSession } {
  const server = SecretKey.generate(random);
  const shared = { pattern: "XK", random } as const;
  const responder = new SecureSession({ ...shared, role: "responder", local: server });
  const initiator = new SecureSession({
    ...shared,
    role: "initiator",
    local: SecretKey.generate(random),
    remote: server.publicKey,
    offerPostQuantum: false,
  });
  const deliver = (to: SecureSession, events: readonly SessionEvent[]) =>
    events.flatMap((event) => event.kind === "send" ? to.push(event.bytes) : []);
  deliver(responder, deliver(initiator, deliver(responder, initiator.start())));
  if (!responder.established) throw new Error("Cannot finish the handshake in memory");
  return { initiator, responder };
}

function mustOpen(session: SecureSession, wire: Uint8Array | undefined): void {
  const [event] = session.push(wire ?? new Uint8Array(0));
  if (event?.kind !== "data") throw new Error("Cannot open a record that was just sealed");
}
