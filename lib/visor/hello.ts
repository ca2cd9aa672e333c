import { utf8 } from "#kit";
import type { ProcKey } from "./proc_config.ts";

/**
 * The first bytes on the connection to a visor: a length and a JSON object that names our launch.
 * Nothing answers them (visor.md 3). They hold the proc key: not to be logged.
 */
export function encodeHello(procKey: ProcKey): Uint8Array {
  const body = utf8(JSON.stringify({ proc_key: procKey.reveal() }));
  const hello = new Uint8Array(2 + body.length);
  new DataView(hello.buffer).setUint16(0, body.length);
  hello.set(body, 2);
  return hello;
}
