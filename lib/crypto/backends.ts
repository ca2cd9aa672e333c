import { WasmAead } from "./aead_wasm.ts";
import type { AeadBackend } from "./cipher.ts";
import type { CurveBackend } from "./curve_backend.ts";
import { WasmCurve } from "./curve_wasm.ts";
import type { KemBackend } from "./kem_backend.ts";
import { WasmKem } from "./kem_wasm.ts";

/** One implementation of each kind. */
interface Backends {
  readonly curve: CurveBackend;
  readonly aead: AeadBackend;
  readonly kem: KemBackend;
}

// noble's modules take longer to load than the WebAssembly ones to compile, so a runtime that can
// run WebAssembly (all but one started with --jitless) never loads them.
const noble = typeof WebAssembly === "object" ? undefined : await loadNoble();

let selectedCurve: CurveBackend | undefined;
let selectedAead: AeadBackend | undefined;
let selectedKem: KemBackend | undefined;

/** The curve in use, started at first use. */
export function curve(): CurveBackend {
  return selectedCurve ??= noble?.curve ?? new WasmCurve();
}

/** The AEAD in use, started at first use. */
export function aead(): AeadBackend {
  return selectedAead ??= noble?.aead ?? new WasmAead();
}

/** The KEM in use, started at first use. */
export function kem(): KemBackend {
  return selectedKem ??= noble?.kem ?? new WasmKem();
}

/** The names of the implementations in use, for `/status` and the benchmark. */
export function selectedBackends(): {
  readonly curve: string;
  readonly aead: string;
  readonly kem: string;
} {
  return { curve: curve().name, aead: aead().name, kem: kem().name };
}

/** Every curve that runs here, the preferred first: for tests and the benchmark. */
export async function curveBackends(): Promise<readonly CurveBackend[]> {
  const { curve: reference } = await loadNoble();
  return noble === undefined ? [new WasmCurve(), reference] : [reference];
}

/** Every AEAD that runs here, the preferred first: for tests and the benchmark. */
export async function aeadBackends(): Promise<readonly AeadBackend[]> {
  const { aead: reference } = await loadNoble();
  return noble === undefined ? [new WasmAead(), reference] : [reference];
}

/** Every KEM that runs here, the preferred first: for tests and the benchmark. */
export async function kemBackends(): Promise<readonly KemBackend[]> {
  const { kem: reference } = await loadNoble();
  return noble === undefined ? [new WasmKem(), reference] : [reference];
}

/** Puts an implementation in use, whatever was chosen: for tests and the benchmark only. */
export function useBackends(chosen: Partial<Backends>): void {
  selectedCurve = chosen.curve ?? selectedCurve;
  selectedAead = chosen.aead ?? selectedAead;
  selectedKem = chosen.kem ?? selectedKem;
}

async function loadNoble(): Promise<Backends> {
  const [{ nobleCurve }, { nobleAead }, { nobleKem }] = await Promise.all([
    import("./curve_noble.ts"),
    import("./aead_noble.ts"),
    import("./kem_noble.ts"),
  ]);
  return { curve: nobleCurve, aead: nobleAead, kem: nobleKem };
}
