import type { Frame } from "./chat_view.ts";
import type { TerminalSize } from "./terminal.ts";

/** Other screen, no automatic line breaks, pastes marked, empty. */
const ENTER = "\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[2J";
/** All of that undone, cursor shown, no colours. */
const LEAVE = "\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Terminals that know these show everything in between at once. */
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

/** Knows what is on the terminal, and writes only what has changed. */
export class ChatScreen {
  readonly #write: (text: string) => void;
  #rows: readonly string[] = [];
  #size: TerminalSize = { columns: 0, rows: 0 };
  #cursor = "";
  #open = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Takes the screen over. */
  enter(): void {
    this.#open = true;
    this.#write(ENTER);
  }

  /** Gives the screen back as it was. More than once does no harm. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#write(LEAVE);
  }

  /** Forgets what is shown, so that the next frame is written whole. */
  forget(): void {
    this.#size = { columns: 0, rows: 0 };
  }

  /** Shows a frame, in one write. */
  show(frame: Frame, size: TerminalSize): void {
    if (!this.#open) return;
    const same = size.columns === this.#size.columns && size.rows === this.#size.rows;
    const changes = frame.rows.flatMap((row, index) =>
      // Cleared first: behind a full row, clearing would take its last character.
      same && this.#rows[index] === row ? [] : [`\x1b[${index + 1};1H\x1b[2K${row}`]
    );
    const cursor = `\x1b[${frame.cursor.row + 1};${frame.cursor.column + 1}H`;
    if (changes.length === 0 && cursor === this.#cursor) return;
    const clear = same ? "" : "\x1b[2J";
    this.#rows = frame.rows;
    this.#size = size;
    this.#cursor = cursor;
    this.#write(BEGIN + HIDE_CURSOR + clear + changes.join("") + cursor + SHOW_CURSOR + END);
  }
}
