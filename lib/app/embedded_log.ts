import { EMBEDDED_SOURCE, type LogOptions, MAX_EMBEDDED_LINE_BYTES } from "./log_lines.ts";

/** Names that can stand in every line as they are; others come from somebody who means harm. */
const HARMLESS_NAME = /^[\w.-]{1,64}$/;

/**
 * How log lines of a node look that a visor started with this value of `PROC_CONFIG`: under the name of
 * the app there (visor.md 1), and without its proc key, whatever it was written into.
 */
export async function embeddedLogLook(
  procConfig: string,
): Promise<Required<Pick<LogOptions, "source" | "longest" | "redact">>> {
  const longest = MAX_EMBEDDED_LINE_BYTES;
  const { ProcConfigError, readProcConfig } = await import("#visor");
  try {
    const { appName, procKey } = readProcConfig(procConfig);
    const isHarmless = HARMLESS_NAME.test(appName) && procKey.redact(appName) === appName;
    const source = isHarmless ? appName : EMBEDDED_SOURCE;
    return { source, longest, redact: (text) => procKey.redact(text) };
  } catch (error) {
    if (!(error instanceof ProcConfigError)) throw error;
    // Attaching says so, in a text without any of it.
    return { source: EMBEDDED_SOURCE, longest, redact: (text) => text };
  }
}
