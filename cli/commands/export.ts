import { keepsMessages, noStore } from "../app_state.ts";
import { ArchiveCheck } from "../archive_check.ts";
import type { CLIENT_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient, readAll, refusal } from "../control_client.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { byteCount, Progress } from "../progress.ts";
import { SILENCE_TEXT, SilenceWatch } from "../silence_watch.ts";

type ExportCall = Call<typeof CLIENT_FLAGS>;

/** Takes the pieces of the archive. */
interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Writes everything the app has stored to a file or to stdout, as it comes (http-api.md 4.17). The file
 * is replaced by a whole archive only.
 */
export async function run(call: ExportCall): Promise<number> {
  const { flags, io, operands } = call;
  const [file = "-", surplus] = operands;
  if (surplus !== undefined) throw usageError(`export: unexpected argument "${surplus}"`);
  if (file === "") throw usageError("export: the path is empty");
  const client = ControlClient.of(call);
  if (await keepsMessages(client) === false) {
    // Nobody should find out on the day when it is needed.
    throw noStore("nothing was written: an archive of this app would have no messages");
  }
  // Ctrl-C and a terminal that goes away have to get here, so that no draft is left behind.
  const interrupt = io.interrupt({ hangup: true });
  const sink = file === "-" ? stdoutSink(io) : await io.draftFile(file);
  try {
    const bytes = await copyArchive(client, { io, sink, interrupt });
    await sink.commit();
    if (file !== "-" && !flags.json) io.output.line(`exported to ${file} (${byteCount(bytes)})`);
    return EXIT_OK;
  } finally {
    await sink.discard();
  }
}

/** Copies the whole answer; how many bytes that were. */
async function copyArchive(
  client: ControlClient,
  { io, sink, interrupt }: { io: CliIo; sink: Sink; interrupt: AbortSignal },
): Promise<number> {
  const check = new ArchiveCheck();
  const silence = new SilenceWatch(io, interrupt);
  const progress = new Progress(io);
  let bytes = 0;
  try {
    const stream = await client.open({ path: "/export" }, silence.signal);
    try {
      if (stream.status !== 200) {
        throw refusal({ status: stream.status, body: await readAll(stream) });
      }
      for (let part = await stream.read(); part !== undefined; part = await stream.read()) {
        silence.heard();
        check.push(part);
        await sink.write(part);
        bytes += part.length;
        progress.update(`exporting: ${byteCount(bytes)}`);
      }
      check.end();
      return bytes;
    } finally {
      stream.close();
    }
  } catch (error) {
    if (interrupt.aborted) throw new CliError("export: interrupted");
    if (silence.expired) throw new CliError(`export: ${SILENCE_TEXT}`, { code: "app-down" });
    // Once something has come there is an app, whatever happened to it.
    throw bytes > 0 || error instanceof CliError ? error : client.down(error);
  } finally {
    progress.clear();
    silence.end();
  }
}

function stdoutSink({ output }: CliIo): Sink {
  const decoder = new TextDecoder();
  const nothing = () => Promise.resolve();
  return {
    write(bytes) {
      output.part(decoder.decode(bytes, { stream: true }));
      return nothing();
    },
    commit: nothing,
    discard: nothing,
  };
}
