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
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

function listenForSignals(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // Windows knows no SIGTERM.
    if (Deno.build.os === "windows" && name === "SIGTERM") continue;
    Deno.addSignalListener(name, () => {
      // Whoever asks twice wants it to end now, whatever it is busy with.
      if (abort.signal.aborted) Deno.exit(SIGNAL_EXIT[name]);
      abort.abort();
    });
  }
  return abort.signal;
}
