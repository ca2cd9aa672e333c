/** Gob messages made by hand, sound or not. */
import { concat, utf8 } from "#kit";
import { GobDecoder, GobFault, type GobReceived } from "#visor";
import { writeGobValue } from "../../lib/visor/gob_given.ts";
import { GobSink } from "../../lib/visor/gob_sink.ts";
import { type GobDescription, TYPEDEF, typedefOf } from "../../lib/visor/gob_typedef.ts";
import { asJson } from "./gob_vectors.ts";

/** An unsigned integer. */
export function uint(value: number | bigint): Uint8Array {
  const sink = new GobSink();
  sink.uint(value);
  return sink.written.slice();
}

/** A signed integer. */
export function int(value: number | bigint): Uint8Array {
  const sink = new GobSink();
  sink.int(value);
  return sink.written.slice();
}

/** A message of these parts, with its length. */
export function message(...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  return concat(uint(body.length), body);
}

/** A message that describes type `id`; `ownId` is what its body says. */
export function typedef(id: number, described: GobDescription, ownId = id): Uint8Array {
  const sink = new GobSink();
  sink.int(-id);
  writeGobValue(sink, TYPEDEF, typedefOf(ownId, described));
  return message(sink.written);
}

/** A struct whose fields have these types and names of one letter or two. */
export function structOf(...ids: readonly number[]): GobDescription {
  const fields = ids.map((id, index) => ({ name: index.toString(36), id }));
  return { kind: "struct", name: "S", fields };
}

/** A string with its length. */
export function text(value: string): Uint8Array {
  return concat(uint(utf8(value).length), utf8(value));
}

/** What a fresh decoder finds: values as JSON, then the code of the fault. */
export function found(...chunks: readonly Uint8Array[]): unknown[] {
  return outcome(new GobDecoder(), chunks);
}

/** What this decoder finds, by chunks. */
export function outcome(decoder: GobDecoder, chunks: readonly Uint8Array[]): unknown[] {
  const all: (GobReceived | GobFault)[] = [];
  for (const chunk of chunks) all.push(...decoder.push(chunk));
  return all.map((one) => one instanceof GobFault ? `fault: ${one.code}` : asJson(one));
}

/** The text of the fault that these chunks end with. */
export function faultText(...chunks: readonly Uint8Array[]): string {
  const last = new GobDecoder().push(concat(...chunks)).at(-1);
  return last instanceof GobFault ? last.message : "no fault";
}
