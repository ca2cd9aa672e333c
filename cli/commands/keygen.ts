import { SecretKey } from "#crypto";
import { toHex } from "#kit";
import type { KEYGEN_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { EXIT_OK } from "../errors.ts";

/** Prints a new identity: public key, then secret key (cli.md 13, noise.md 1.3). */
export function run({ flags, io }: Call<typeof KEYGEN_FLAGS>): Promise<number> {
  const secret = SecretKey.generate(io.random);
  const pair = { public_key: secret.publicKey.hex, secret_key: toHex(secret.reveal()) };
  if (flags.json) {
    io.output.json(JSON.stringify(pair, null, io.output.stdout.terminal ? 2 : 0));
  } else {
    io.output.line(pair.public_key);
    io.output.line(pair.secret_key);
  }
  return Promise.resolve(EXIT_OK);
}
