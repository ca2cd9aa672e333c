import { PublicKey } from "#crypto";
import { errorText } from "#kit";
import { type Endpoint, parsePeerSpec } from "#net";
import { CliError } from "./errors.ts";

/** How texts about the option begin. */
const OPTION = "--via tcp";

/**
 * Reads the value of `--via` (cli.md 4.2, step 1).
 *
 * @throws {CliError}
 */
export function parseViaSpec(spec: string): Endpoint {
  const mesh = /^(dmsg|skynet|tp):\/\//.exec(spec)?.[1];
  if (mesh !== undefined) {
    throw usage(
      `--via ${mesh}:// needs a visor, which this program does not have: ` +
        "use --via tcp://<pk>@host:port to dial a peer directly",
    );
  }
  if (!spec.startsWith("tcp://")) throw usage(`${OPTION}: must start with "tcp://"`);
  const rest = spec.slice("tcp://".length);
  const at = rest.indexOf("@");
  if (at <= 0 || at === rest.length - 1) {
    throw usage(`${OPTION}: missing @ separator in "${spec}"`);
  }
  try {
    PublicKey.parse(rest.slice(0, at));
  } catch (error) {
    throw usage(`${OPTION}: invalid pk: ${errorText(error)}`);
  }
  try {
    return parsePeerSpec(spec, OPTION);
  } catch (error) {
    throw usage(errorText(error));
  }
}

function usage(text: string): CliError {
  return new CliError(text, { code: "usage" });
}
