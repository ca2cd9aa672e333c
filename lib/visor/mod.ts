/**
 * Attaching to a visor that is our parent: what it says in the environment, one connection, remote calls on it.
 *
 * Above `#net`, beside `#cxo`. The codec of the calls, gob, is sans-io: it never waits, never logs and never
 * sees a socket; what a peer did wrong comes back as a {@link GobFault}, which ends the stream, or is thrown
 * as a {@link GobMismatch} by the typed readers, which ends only the call. Format: `docs/spec/visor.md`.
 *
 * @example
 * ```ts
 * import { GobDecoder, GobEncoder, GobFault, GobReader, type GobType } from "#visor";
 *
 * const REQUEST: GobType = {
 *   kind: "struct",
 *   name: "Request",
 *   fields: [
 *     { name: "ServiceMethod", type: { kind: "string" } },
 *     { name: "Seq", type: { kind: "uint" } },
 *   ],
 * };
 * const bytes = new GobEncoder().encode(REQUEST, { ServiceMethod: "00…0f.Listen", Seq: 1 });
 * const [received] = new GobDecoder().push(bytes);
 * if (received === undefined || received instanceof GobFault) throw received;
 * console.assert(new GobReader(received, REQUEST).uint("Seq") === 1);
 * ```
 *
 * @module
 */
export * from "./gob_types.ts";
export * from "./gob_fault.ts";
export * from "./gob_encoder.ts";
export * from "./gob_decoder.ts";
export * from "./gob_reader.ts";
export * from "./gob_time.ts";
export { MAX_EMPTY_READS, MESH_READ_BYTES, MeshLink, type MeshNetwork } from "./mesh_link.ts";
export * from "./proc_config.ts";
export * from "./visor_error.ts";
export {
  type AttachOptions,
  attachVisor,
  type EndedListener,
  type ListenOutcome,
  type OnMeshLink,
  VISOR_GOODBYE_LIMIT_MS,
  VisorSession,
} from "./visor_session.ts";
