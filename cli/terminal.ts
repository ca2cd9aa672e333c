/** Columns and rows of a terminal. */
export interface TerminalSize {
  /** Cells in a row. */
  readonly columns: number;
  /** Rows on the screen. */
  readonly rows: number;
}

/** The keyboard and the size of the terminal. What is shown goes through `Output.stdout`. */
export interface Terminal {
  /** Whether somebody types here. */
  readonly interactive: boolean;
  /** Its size now. */
  size(): TerminalSize;
  /** Raw: keys arrive at once, are not echoed, and Ctrl-C is a key like any other. */
  setRaw(raw: boolean): void;
  /** The next bytes that were typed; undefined when nobody can type any more. */
  read(): Promise<Uint8Array | undefined>;
  /** Calls back after each change of the size, until the returned function is called. */
  onResize(action: () => void): () => void;
  /** Calls back when the process is about to die of a mistake, until the returned function is called. */
  onCrash(action: () => void): () => void;
}

/** Size to go on with when the terminal does not tell: what terminals have had since the VT100. */
const FALLBACK_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** Bytes taken from the keyboard at once. Ours; a longer paste comes in several pieces. */
export const KEYBOARD_READ_BYTES = 4_096;

/** The terminal of this process. */
export function systemTerminal(): Terminal {
  const buffer = new Uint8Array(KEYBOARD_READ_BYTES);
  return {
    get interactive() {
      return Deno.stdin.isTerminal();
    },
    size: consoleSize,
    setRaw: (raw) => Deno.stdin.setRaw(raw),
    async read() {
      const count = await Deno.stdin.read(buffer);
      return count === null ? undefined : buffer.slice(0, count);
    },
    onResize,
    onCrash,
  };
}

function consoleSize(): TerminalSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    // A terminal that was never told its size says 0.
    return columns > 0 && rows > 0 ? { columns, rows } : FALLBACK_SIZE;
  } catch {
    return FALLBACK_SIZE;
  }
}

function onResize(action: () => void): () => void {
  // Windows has no such signal: there the new size is seen at the next key.
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGWINCH", action);
  return () => Deno.removeSignalListener("SIGWINCH", action);
}

/** What the engine says before it ends the process; `unload` stands for `Deno.exit`. */
const LAST_EVENTS = ["error", "unhandledrejection", "unload"] as const;

function onCrash(action: () => void): () => void {
  for (const name of LAST_EVENTS) globalThis.addEventListener(name, action);
  return () => {
    for (const name of LAST_EVENTS) globalThis.removeEventListener(name, action);
  };
}
