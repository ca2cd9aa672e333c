import { localZone, type ProcessMemory, readSmallFile, runNode } from "#app";
import { systemClock, systemRandom } from "#kit";
import { readEnvironment } from "./environment.ts";
import type { CliIo } from "./io.ts";
import { systemOutput } from "./output.ts";
import { draftFile, openFile } from "./system_files.ts";
import { systemTerminal } from "./terminal.ts";

/** The real process: its streams, environment, clocks, network and signals. */
export function systemIo(): CliIo {
  return {
    output: systemOutput(),
    terminal: systemTerminal(),
    environment: readEnvironment(),
    clock: systemClock,
    random: systemRandom,
    os: Deno.build.os,
    zone: localZone,
    readFile: readSmallFile,
    openFile,
    draftFile,
    network: async () => (await import("#net")).denoNetwork,
    interrupt: listenForSignals,
    startNode: runNode,
    memory: systemMemory(),
  };
}

/** Undefined unless the engine lets programs collect garbage (`--v8-flags=--expose-gc`). */
function systemMemory(): ProcessMemory | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  return {
    committed() {
      const { heapTotal, external } = Deno.memoryUsage();
      return heapTotal + external;
    },
    collect: () => gc(),
  };
}

/** What shells report for a process that a signal ended. */
const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * SIGHUP is only for short commands with something to clean up: listening for it undoes `nohup`, under
 * which a node has to go on.
 */
function listenForSignals({ hangup = false }: { readonly hangup?: boolean } = {}): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    if (name === "SIGHUP" && !hangup) continue;
    // Windows knows SIGINT only.
    if (Deno.build.os === "windows" && name !== "SIGINT") continue;
    Deno.addSignalListener(name, () => {
      // Whoever asks twice wants it to end now, whatever it is busy with; a terminal that goes away
      // says so more than once by itself.
      if (abort.signal.aborted && name !== "SIGHUP") Deno.exit(SIGNAL_EXIT[name]);
      abort.abort();
    });
  }
  return abort.signal;
}
