import { SmallFileError } from "#app";
import { type CliIo, Output, runCli } from "#cli";
import { concat, utf8, utf8Text } from "#kit";
import { MemoryNetwork, type Network } from "#net";
import { CliError } from "../../cli/errors.ts";
import type { FileDraft } from "../../cli/io.ts";
import { ManualClock } from "./manual_clock.ts";
import { FakeTerminal } from "./fake_terminal.ts";
import { SeededRandom } from "./seeded_random.ts";
import { TextCapture } from "./text_capture.ts";

/** What a test decides about the process around a command. */
export interface CliSetting {
  readonly env?: Readonly<Record<string, string>>;
  /** Contents of files by path, changed by what the command writes; a mode other than 0600 beside them. */
  readonly files?: Record<string, string>;
  readonly mode?: number;
  readonly network?: Network;
  readonly stdoutTerminal?: boolean;
  readonly stderrTerminal?: boolean;
  /** What comes on standard input when it is no terminal. */
  readonly stdin?: string;
  /** The keyboard; without it nobody types. */
  readonly terminal?: FakeTerminal;
  readonly os?: string;
  readonly startNode?: CliIo["startNode"];
}

/** A command that runs in this process. */
export interface CliRun {
  readonly stdout: TextCapture;
  readonly stderr: TextCapture;
  readonly clock: ManualClock;
  /** What Ctrl-C does. */
  readonly interrupt: AbortController;
  /** The exit code. */
  readonly code: Promise<number>;
}

/** Everything a finished command left behind. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a command line with a clock that stands still and no real files, network or environment. */
export function startCli(args: readonly string[], setting: CliSetting = {}): CliRun {
  const stdout = new TextCapture({ terminal: setting.stdoutTerminal ?? false });
  const stderr = new TextCapture({ terminal: setting.stderrTerminal ?? false });
  const clock = new ManualClock();
  const interrupt = new AbortController();
  const network = setting.network ?? new MemoryNetwork();
  const io: CliIo = {
    output: new Output(stdout, stderr),
    terminal: setting.terminal ?? new FakeTerminal({ interactive: false }),
    environment: setting.env ?? {},
    clock,
    random: new SeededRandom(7),
    os: setting.os ?? "linux",
    zone: () => 0,
    readFile(path) {
      const text = setting.files?.[path];
      return text === undefined
        ? Promise.reject(new SmallFileError("not-found", "no such file or directory"))
        : Promise.resolve({ text, mode: setting.mode ?? 0o600 });
    },
    openFile(path) {
      const text = path === "-" ? setting.stdin ?? "" : setting.files?.[path];
      return text === undefined
        ? Promise.reject(new CliError(`${path}: no such file or directory`))
        : Promise.resolve({
          size: path === "-" ? undefined : utf8(text).length,
          chunks: cut(text),
        });
    },
    draftFile: (path) => Promise.resolve(draftOf(path, setting)),
    network: () => Promise.resolve(network),
    interrupt: () => interrupt.signal,
    startNode: setting.startNode ?? (() => Promise.reject(new Error("no node in this test"))),
  };
  return { stdout, stderr, clock, interrupt, code: runCli(args, io) };
}

/** A text in pieces that pay no attention to characters. */
async function* cut(text: string): AsyncGenerator<Uint8Array> {
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

/** A file that gets into the setting's files when it is committed. */
function draftOf(path: string, { files }: CliSetting): FileDraft {
  const parts: Uint8Array[] = [];
  return {
    replaces: files?.[path] !== undefined,
    write(bytes) {
      parts.push(bytes.slice());
      return Promise.resolve();
    },
    commit() {
      if (files !== undefined) files[path] = utf8Text(concat(...parts));
      return Promise.resolve();
    },
    discard: () => Promise.resolve(),
  };
}

/**
 * Runs a command line to its end. Time passes only when `stepMs` is given: then the clock moves on by
 * that much again and again until the command ends.
 */
export async function runTest(
  args: readonly string[],
  setting: CliSetting & { readonly stepMs?: number } = {},
): Promise<CliResult> {
  const run = startCli(args, setting);
  let code: number | undefined;
  const ended = run.code.then((value) => code = value);
  while (setting.stepMs !== undefined && code === undefined) {
    await run.clock.advance(setting.stepMs);
  }
  await ended;
  if (run.clock.pending > 0) throw new Error(`${run.clock.pending} timers were left behind`);
  return { code: code ?? -1, stdout: run.stdout.text, stderr: run.stderr.text };
}
