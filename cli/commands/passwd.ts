import { hashPassword, MAX_PASSWORD_BYTES } from "#crypto";
import { concat, utf8 } from "#kit";
import type { Call } from "../command.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import type { CliIo } from "../io.ts";
import type { PASSWD_FLAGS } from "../record_flags.ts";
import { readSecret, secretText } from "../secret_prompt.ts";

/** Writes the line of a password file (http-api.md 2.1) to a file or to stdout. */
export async function run(call: Call<typeof PASSWD_FLAGS>): Promise<number> {
  const { flags, io, operands } = call;
  const [file, surplus] = operands;
  if (surplus !== undefined) {
    // It may be the password itself, which must not end up in somebody's log.
    throw usageError("passwd: too many arguments", "the password is asked for, never an argument");
  }
  const password = io.terminal.interactive ? await askTwice(io) : await firstLine(io);
  if (password === "") throw new CliError("passwd: the password is empty");
  if (utf8(password).length > MAX_PASSWORD_BYTES) throw tooLong();
  if (password.includes("\0")) throw new CliError("passwd: the password holds a NUL character");
  const form = flags.form === "sha256" ? "sha256" : "scrypt";
  const line = await hashPassword(password, { form, random: io.random });
  if (file === undefined || file === "-") {
    io.output.line(line);
    return EXIT_OK;
  }
  const draft = await io.draftFile(file);
  const { replaces } = draft;
  try {
    await draft.write(utf8(`${line}\n`));
    await draft.commit();
  } finally {
    await draft.discard();
  }
  if (replaces) io.output.note(`skychat: passwd: replaced ${file}`);
  if (!flags.json) io.output.line(`password written to ${file}: use --password-file ${file}`);
  return EXIT_OK;
}

async function askTwice(io: CliIo): Promise<string> {
  const first = await readSecret(io, "Password: ");
  if (first === "") return first;
  const second = await readSecret(io, "Again: ");
  if (first !== second) throw new CliError("passwd: the two passwords differ");
  return first;
}

/** Standard input up to its first line end, which is not part of the password. */
async function firstLine(io: CliIo): Promise<string> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const bytes of (await io.openFile("-")).chunks) {
    const end = bytes.indexOf(0x0a);
    parts.push(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) break;
    total += bytes.length;
    if (total > MAX_PASSWORD_BYTES + 1) throw tooLong();
  }
  return secretText(concat(...parts)).replace(/\r$/, "");
}

function tooLong(): CliError {
  return new CliError(`passwd: the password is longer than ${MAX_PASSWORD_BYTES} bytes`);
}
