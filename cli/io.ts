import type { AppConfig, Environment, NodeRun, ReadSmallFile, ZoneOffset } from "#app";
import type { Clock, Random } from "#kit";
import type { Network } from "#net";
import type { Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** Bytes that are read as they are needed. */
export interface ByteSource {
  /** How many there are, when that is known. */
  readonly size: number | undefined;
  /** The bytes in pieces; to be read once. Leaving the loop closes what is behind it. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A file in the making, which nobody sees under its name before it is whole. */
export interface FileDraft {
  /** Whether a file of that name is there already. */
  readonly replaces: boolean;
  /** Appends. */
  write(bytes: Uint8Array): Promise<void>;
  /** Puts it in its place. */
  commit(): Promise<void>;
  /** Leaves nothing behind; after {@link commit} nothing happens. */
  discard(): Promise<void>;
}

/** All that a command needs from the process it runs in, so that tests run commands without one. */
export interface CliIo {
  /** Where the command prints. */
  readonly output: Output;
  /** What a full-screen command reads keys from. */
  readonly terminal: Terminal;
  /** Environment variables, as they were at the start. */
  readonly environment: Environment;
  /** Time for waits, deadlines and printed times. */
  readonly clock: Clock;
  /** Source of keys and message ids. */
  readonly random: Random;
  /** Name of the operating system, as Deno has it. */
  readonly os: string;
  /** Time zone of printed times. */
  readonly zone: ZoneOffset;
  /** Reads a key, alias or configuration file. */
  readonly readFile: ReadSmallFile;
  /** A file of any size for reading, `-` is standard input; throws a `CliError` that names it. */
  readonly openFile: (path: string) => Promise<ByteSource>;
  /**
   * Starts a private file (0600) that takes the place of `path` when it is whole. Its folder must be
   * there, unless `makeFolder` has it made (0700). Of a symbolic link the target is replaced, and what
   * is no ordinary file (a pipe, `/dev/null`) is written directly. Throws a `CliError` that names the
   * file.
   */
  readonly draftFile: (
    path: string,
    options?: { readonly makeFolder?: boolean },
  ) => Promise<FileDraft>;
  /** Loads the network on first use: most of the program hangs on it. */
  readonly network: () => Promise<Network>;
  /**
   * A signal that aborts on SIGINT and SIGTERM, and with `hangup` on SIGHUP. Until it is asked for, they
   * end the process.
   */
  readonly interrupt: (options?: { readonly hangup?: boolean }) => AbortSignal;
  /** Runs a node until its signal aborts; returns the exit code. */
  readonly startNode: (config: AppConfig, run: NodeRun) => Promise<number>;
  /** The process's memory, when the engine was started with `--expose-gc`. */
  readonly memory?: NodeRun["memory"];
  /** Called once by `app`, when it serves. */
  readonly onServing?: NodeRun["onServing"];
}
