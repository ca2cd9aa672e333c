import { systemRandom as random } from "#kit";
import { hkdfSha256, SecretKey, sha256 } from "#crypto";
import { aeadBackends, curveBackends, kemBackends } from "../../lib/crypto/backends.ts";
import type { AeadBackend } from "../../lib/crypto/cipher.ts";
import type { CurveBackend } from "../../lib/crypto/curve_backend.ts";
import type { KemBackend } from "../../lib/crypto/kem_backend.ts";

/** What one operation costs, warmed up, under one implementation. */
export interface PrimitiveRow {
  readonly name: string;
  readonly backend: string;
  readonly microseconds: number;
}

/** How long each operation is timed. */
export interface PrimitiveOptions {
  /** Milliseconds a batch. */
  readonly batchMs?: number;
  /** Batches; the fastest counts, as others may use the processor too. */
  readonly batches?: number;
}

type Operations = Readonly<Record<string, () => unknown>>;

const SEAL_SIZES = { "64 B": 64, "1 KiB": 1024, "4 KiB": 4096, "64 KiB": 65_536 };

/** Times every primitive of `#crypto` under every implementation that runs here. */
export async function cryptoPrimitives(
  options: PrimitiveOptions = {},
): Promise<readonly PrimitiveRow[]> {
  const rows: PrimitiveRow[] = [];
  for (const curve of await curveBackends()) {
    rows.push(...timed(curve.name, curveOperations(curve), options));
  }
  for (const aead of await aeadBackends()) {
    rows.push(...timed(aead.name, aeadOperations(aead), options));
  }
  for (const kem of await kemBackends()) {
    rows.push(...timed(kem.name, kemOperations(kem), options));
  }
  rows.push(...timed("noble", hashOperations(), options));
  return rows;
}

function curveOperations(curve: CurveBackend): Operations {
  const scalar = SecretKey.generate(random).reveal();
  const point = curve.publicKey(SecretKey.generate(random).reveal());
  const digest = random.bytes(32);
  const signature = curve.sign(scalar, digest);
  const [compact, recoveryId] = [signature.subarray(0, 64), signature[64] ?? 0];
  return {
    "public key": () => curve.publicKey(scalar),
    "point check": () => curve.isPoint(point),
    "ECDH": () => curve.ecdh(scalar, point),
    "blinded multiplication": () => curve.multiply(scalar, point),
    "sign": () => curve.sign(scalar, digest),
    "recover (verify)": () => curve.recover(compact, recoveryId, digest),
  };
}

function aeadOperations(aead: AeadBackend): Operations {
  const cipher = aead.cipherOf(random.bytes(32));
  const operations: Record<string, () => unknown> = {};
  for (const [size, length] of Object.entries(SEAL_SIZES)) {
    const plaintext = new Uint8Array(length).fill(0x5a);
    const target = new Uint8Array(length + 16);
    const sealed = cipher.seal(1n, plaintext);
    operations[`AEAD seal ${size}`] = () => cipher.sealInto(target, 0, 1n, plaintext);
    operations[`AEAD open ${size}`] = () => cipher.open(1n, sealed);
  }
  return operations;
}

function hashOperations(): Operations {
  const [short, long] = [random.bytes(64), new Uint8Array(65_536).fill(0x5a)];
  const [salt, ikm, info] = [random.bytes(32), random.bytes(33), new Uint8Array(0)];
  return {
    "SHA-256 64 B": () => sha256(short),
    "SHA-256 64 KiB": () => sha256(long),
    "HKDF-SHA-256 to 64 B": () => hkdfSha256({ ikm, salt, info, length: 64 }),
  };
}

function kemOperations(kem: KemBackend): Operations {
  const [seed, m] = [random.bytes(64), random.bytes(32)];
  const { encapsulationKey, decapsulationKey } = kem.keyPair(seed);
  const sealed = kem.encapsulate(encapsulationKey, m);
  if (sealed === undefined) throw new Error("Cannot encapsulate to a fresh key");
  return {
    "ML-KEM-768 key pair": () => kem.keyPair(seed),
    "ML-KEM-768 encapsulate": () => kem.encapsulate(encapsulationKey, m),
    "ML-KEM-768 decapsulate": () => kem.decapsulate(sealed.ciphertext, decapsulationKey),
  };
}

function timed(backend: string, operations: Operations, options: PrimitiveOptions): PrimitiveRow[] {
  const { batchMs = 40, batches = 5 } = options;
  return Object.entries(operations).map(([name, operation]) => {
    batch(operation, batchMs);
    let microseconds = Infinity;
    for (let count = 0; count < batches; count++) {
      microseconds = Math.min(microseconds, batch(operation, batchMs));
    }
    return { name, backend, microseconds };
  });
}

/** Microseconds an operation, over as many as fit into the time. */
function batch(operation: () => unknown, milliseconds: number): number {
  const started = performance.now();
  let count = 0;
  let passed = 0;
  while (passed < milliseconds) {
    for (let inner = 0; inner < 4; inner++) operation();
    count += 4;
    passed = performance.now() - started;
  }
  return passed * 1_000 / count;
}
