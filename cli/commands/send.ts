import type { SEND_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { usageError } from "../errors.ts";

type SendCall = Call<typeof SEND_FLAGS>;

/** Sends one message (cli.md 4). The two ways are loaded apart: a one-shot needs no control client. */
export async function run(call: SendCall): Promise<number> {
  const { flags } = call;
  await checkFlags(call);
  const message = flags.stdin
    ? await (await import("../stdin_message.ts")).readMessage(call.io)
    : flags.msg;
  const whole = { ...call, flags: { ...flags, msg: message } };
  if (flags.via !== "") return await (await import("../send_via.ts")).sendVia(whole);
  return await (await import("../send_app.ts")).sendThroughApp(whole);
}

/** What flags mean together; no message is read before that is clear. */
async function checkFlags(call: SendCall): Promise<void> {
  const { flags, given } = call;
  if (given.has("msg") && flags.stdin) {
    throw usageError("--msg and --stdin are mutually exclusive");
  }
  if (!given.has("msg") && !flags.stdin) {
    throw usageError('required flag(s) "msg" not set', "see skychat send --help");
  }
  if (flags.via !== "" && flags.queue) {
    throw usageError("--queue and --via are mutually exclusive: it is the app that keeps messages");
  }
  if (given.has("expire") && !flags.queue) throw usageError("--expire needs --queue");
  if (flags.via === "" && flags.to === "") {
    // Hints are no part of the JSON form, so there is nothing to ask for.
    const hint = flags.json
      ? undefined
      : await (await import("../send_group_hint.ts")).sendGroupHint(call);
    throw usageError("either --to <pk> or --via tcp://<pk>@host:port is required", hint);
  }
}
