import type { SecretKey } from "#crypto";
import { CodedError, errorText, quoteForLog, type Random, toHex } from "#kit";
import { type ReadSmallFile, readSmallFile, SmallFileError } from "./bounded_file.ts";
import type { Environment } from "./config.ts";

/** Where an identity came from, as the log names it (cli.md 2.1). */
export type IdentitySource = "flag" | "env" | "config" | "kept" | "ephemeral";

/** Environment variable that holds a secret key (noise.md 1.4). */
export const SECRET_KEY_VARIABLE = "DMSGCURL_SK";

/**
 * No identity can be used. Codes: `bad-flag`, `bad-config`, `no-identity`. Callers put the name of the
 * network in front: `tcp-direct: …`.
 */
export class IdentityError extends CodedError {
  /** Texts for WARN lines about sources that were passed over before, in order. */
  readonly warnings: readonly string[];

  /** An error with this text, after these warnings. */
  constructor(code: string, message: string, warnings: readonly string[] = []) {
    super(code, message);
    this.warnings = warnings;
  }
}

/** What {@link resolveIdentity} looks at. */
export interface IdentitySources {
  /** Value of `--sk`; undefined or empty = not given. */
  readonly sk: string | undefined;
  /** Looked at for {@link SECRET_KEY_VARIABLE} only. */
  readonly env: Environment;
  /** Value of `-c`; undefined or empty = not given. */
  readonly configPath: string | undefined;
  /** File for a key that is made and kept when nothing is given; undefined: none is. */
  readonly keptPath?: string | undefined;
  /** Whether a random key may stand in when nothing is given. */
  readonly allowEphemeral: boolean;
  /** Source of the random key. */
  readonly random: Random;
  /** Reads the `-c` file; {@link readSmallFile} unless a test hands in another. */
  readonly readFile?: ReadSmallFile;
}

/** An identity, where it came from, and what its owner should be warned about. */
export interface ResolvedIdentity {
  /** The identity. Never logged. */
  readonly secret: SecretKey;
  /** Which of the sources it is from. */
  readonly source: IdentitySource;
  /** Texts for WARN lines, in order; none holds a secret. */
  readonly warnings: readonly string[];
  /** The file of a kept one. */
  readonly keptPath?: string;
}

/**
 * Finds the identity: `--sk`, then `DMSGCURL_SK`, then the `-c` file, then a kept key where one may be, then
 * a random one (cli.md 2.1, noise.md 1.4). No text ever holds a secret key, nor a piece of the file.
 *
 * @throws {IdentityError} with the texts of noise.md 1.4.
 */
export async function resolveIdentity(sources: IdentitySources): Promise<ResolvedIdentity> {
  // Loaded here, so that commands which never need a key start without the crypto library.
  const { SecretKey } = await import("#crypto");
  if (sources.sk) {
    try {
      return { secret: SecretKey.parse(sources.sk), source: "flag", warnings: [] };
    } catch (error) {
      throw new IdentityError("bad-flag", `--sk: ${errorText(error)}`);
    }
  }
  const warnings: string[] = [];
  const variable = sources.env[SECRET_KEY_VARIABLE];
  if (variable) {
    try {
      return { secret: SecretKey.parse(variable), source: "env", warnings };
    } catch (error) {
      warnings.push(`skychat: ignoring ${SECRET_KEY_VARIABLE}: ${errorText(error)}`);
    }
  }
  if (sources.configPath) {
    const file: SecretFile = { path: sources.configPath, warnings };
    const text = await secretOfFile(file, sources.readFile);
    try {
      return { secret: SecretKey.parse(text), source: "config", warnings };
    } catch (error) {
      throw fileError(file, `${quoteForLog(file.path)} sk: ${errorText(error)}`);
    }
  }
  if (sources.keptPath !== undefined) {
    const secret = await keptIdentity(sources.keptPath, sources);
    return { secret, source: "kept", warnings, keptPath: sources.keptPath };
  }
  if (!sources.allowEphemeral) {
    throw new IdentityError(
      "no-identity",
      "TCP-direct enabled but no identity configured " +
        "(set --sk, DMSGCURL_SK env, or -c /path/to/skywire.json)",
      warnings,
    );
  }
  warnings.push(
    "skychat: no identity given: using a random key that changes at every start " +
      "(set --sk, DMSGCURL_SK env, or -c /path/to/skywire.json to keep one)",
  );
  return { secret: SecretKey.generate(sources.random), source: "ephemeral", warnings };
}

/** The key of a file that this program made, or a new one that it keeps there. */
async function keptIdentity(
  path: string,
  { random, readFile = readSmallFile }: Pick<IdentitySources, "random" | "readFile">,
): Promise<SecretKey> {
  const { SecretKey } = await import("#crypto");
  const shown = quoteForLog(path);
  try {
    const { text, problem } = secretOfJson((await readFile(path)).text);
    if (problem !== undefined) throw new Error(problem);
    return SecretKey.parse(text);
  } catch (error) {
    const isMissing = error instanceof SmallFileError && error.code === "not-found";
    if (!isMissing) throw new IdentityError("bad-config", `${shown}: ${errorText(error)}`);
  }
  const secret = SecretKey.generate(random);
  const { denoFiles, folderOf } = await import("#files");
  try {
    await denoFiles.makeFolder(folderOf(path));
    await denoFiles.write(`${path}.tmp`, `${JSON.stringify({ sk: toHex(secret.reveal()) })}\n`);
    await denoFiles.rename(`${path}.tmp`, path);
  } catch (error) {
    throw new IdentityError("bad-config", `write ${shown}: ${errorText(error)}`);
  }
  return secret;
}

interface SecretFile {
  readonly path: string;
  /** Takes what its owner should be warned about; the ones before it are there already. */
  readonly warnings: string[];
}

async function secretOfFile(
  { path, warnings }: SecretFile,
  readFile: ReadSmallFile = readSmallFile,
): Promise<string> {
  const shown = quoteForLog(path);
  const file = await readFile(path).catch((error: unknown) => {
    throw fileError({ path, warnings }, `read ${shown}: ${errorText(error)}`);
  });
  const secret = secretOfJson(file.text);
  if (secret.problem !== undefined) {
    throw fileError({ path, warnings }, `parse ${shown}: ${secret.problem}`);
  }
  if (secret.text === "") throw fileError({ path, warnings }, `${shown} has no sk field`);
  if (file.mode !== undefined && (file.mode & 0o077) !== 0) {
    warnings.push(
      `skychat: -c ${shown} can be read by other users (mode ${file.mode.toString(8)}): ` +
        "it holds the secret key, so run chmod 600 on it",
    );
  }
  return secret.text;
}

/** The `sk` member of a JSON text, "" when there is none. Problems never quote the text. */
function secretOfJson(json: string): { text: string; problem?: string } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The engine's message quotes the text around the mistake, which may be the key.
    return { text: "", problem: "not valid JSON" };
  }
  if (value === null) return { text: "" };
  if (typeof value !== "object" || Array.isArray(value)) {
    return { text: "", problem: "not a JSON object" };
  }
  const secret: unknown = Object.hasOwn(value, "sk") ? (value as { sk: unknown }).sk : undefined;
  if (secret === undefined || secret === null) return { text: "" };
  return typeof secret === "string"
    ? { text: secret }
    : { text: "", problem: "sk is not a string" };
}

function fileError({ path, warnings }: SecretFile, text: string): IdentityError {
  return new IdentityError("bad-config", `-c ${quoteForLog(path)}: ${text}`, warnings);
}
