import { parsePasswordLine, type PasswordVerifier } from "#crypto";
import { createGate, type PasswordGate } from "#http";
import { CodedError, errorText } from "#kit";
import { readSmallFile, SmallFileError } from "./bounded_file.ts";
import type { AppConfig } from "./config.ts";
import type { NodeRuntime } from "./node_runtime.ts";
import { StartError } from "./start_error.ts";

/**
 * The password gate of `--password-file` (http-api.md 2.1); undefined where there is no password: no
 * option, no such file, a blank file.
 *
 * @throws {StartError} for a file that is there and cannot be used: it was meant to protect.
 */
export async function gateOf(
  config: Pick<AppConfig, "passwordFile" | "internalToken">,
  { clock, log, random }: Pick<NodeRuntime, "clock" | "log" | "random">,
): Promise<PasswordGate | undefined> {
  const { internalToken, passwordFile } = config;
  const verifier = passwordFile && await verifierOf(passwordFile);
  if (verifier) return createGate({ verifier, internalToken, clock, log, random });
  if (passwordFile !== undefined) {
    log.warn(
      `password file ${passwordFile}: missing or blank: the control surface has no password`,
    );
  }
  if (internalToken !== undefined) {
    log.warn("--internal-token without a password: everybody is let in anyway");
  }
  return undefined;
}

async function verifierOf(path: string): Promise<PasswordVerifier | undefined> {
  try {
    const { text } = await readSmallFile(path);
    const verifier = parsePasswordLine(text);
    return verifier === "blank" ? undefined : verifier;
  } catch (error) {
    if (error instanceof SmallFileError && error.code === "not-found") return undefined;
    if (!(error instanceof CodedError)) throw error;
    throw new StartError(`password file ${path}: ${errorText(error)}`, { cause: error });
  }
}
