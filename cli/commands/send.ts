import type { SEND_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { CliError, usageError } from "../errors.ts";

/** Sends one message (cli.md 4). The two ways are loaded apart: a one-shot needs no control client. */
export async function run(call: Call<typeof SEND_FLAGS>): Promise<number> {
  const { flags, given } = call;
  if (!given.has("msg")) throw new CliError('required flag(s) "msg" not set', { code: "usage" });
  if (flags.via !== "" && flags.queue) {
    throw usageError("--queue and --via are mutually exclusive: it is the app that keeps messages");
  }
  if (given.has("expire") && !flags.queue) throw usageError("--expire needs --queue");
  if (flags.via !== "") return await (await import("../send_via.ts")).sendVia(call);
  if (flags.to === "") {
    throw new CliError("either --to <pk> or --via tcp://<pk>@host:port is required", {
      code: "usage",
    });
  }
  return await (await import("../send_app.ts")).sendThroughApp(call);
}
