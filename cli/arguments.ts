import { type CommandSpec, wordOf } from "./command.ts";
import { findCommand } from "./command_table.ts";
import { CLIENT_FLAGS } from "./client_flags.ts";
import type { FlagTable } from "./flag.ts";

/** Arguments brought into one form: which command, and flags as `--name=value`. */
export interface Arguments {
  /** With an unknown command behind it, the one that has such commands. */
  readonly command: CommandSpec | undefined;
  /** A word where a command should be, which is none. */
  readonly unknownCommand: string | undefined;
  /** Flags as `--name=value`; a bare `--name` has no value although it needs one, or is unknown. */
  readonly flags: readonly string[];
  /** Words that belong to no flag. */
  readonly operands: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  readonly json: boolean;
  /** Flags followed by a bare `false`, which does not switch them off. */
  readonly bareFalse: readonly string[];
}

/**
 * Reads pflag's syntax (cli.md 1) and every spelling of the commands (cli.md, opening), and reports
 * nothing: what is wrong is left in a form that the parser behind it complains about.
 */
export function readArguments(args: readonly string[]): Arguments {
  return new ArgumentReader(args).read();
}

/** Stands before the command as well as after it. */
const EARLY_FLAGS: FlagTable = CLIENT_FLAGS;

class ArgumentReader {
  readonly #left: string[];
  #command: CommandSpec | undefined;
  #unknownCommand: string | undefined;
  #clientTree = false;
  readonly #words: string[] = [];
  readonly #flags: string[] = [];
  readonly #operands: string[] = [];
  readonly #bareFalse: string[] = [];
  #help = false;
  #version = false;
  #json = false;

  constructor(args: readonly string[]) {
    this.#left = [...args];
  }

  read(): Arguments {
    for (let arg = this.#left.shift(); arg !== undefined; arg = this.#left.shift()) {
      if (arg === "--") {
        this.#operands.push(...this.#left.splice(0));
      } else if (arg.startsWith("--")) {
        this.#long(arg.slice(2));
      } else if (arg.startsWith("-") && arg.length > 1) {
        this.#short(arg.slice(1));
      } else {
        this.#word(arg);
      }
    }
    return {
      command: this.#command,
      unknownCommand: this.#unknownCommand,
      flags: this.#flags,
      operands: this.#operands,
      help: this.#help,
      version: this.#version,
      json: this.#json,
      bareFalse: this.#bareFalse,
    };
  }

  get #table(): FlagTable {
    return this.#command?.flags ?? EARLY_FLAGS;
  }

  #long(text: string): void {
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    this.#flag(name, `--${name}`, equals < 0 ? undefined : text.slice(equals + 1));
  }

  /** One letter with its value, or several switches in one word. */
  #short(letters: string): void {
    for (let rest = letters; rest !== "";) {
      const letter = rest.charAt(0);
      rest = rest.slice(1);
      const name = this.#nameOf(letter);
      if (this.#isSwitch(name) && !rest.startsWith("=")) {
        this.#flag(name, `-${letter}`, undefined);
        continue;
      }
      const value = rest.startsWith("=") ? rest.slice(1) : rest;
      this.#flag(name, `-${letter}`, rest === "" ? undefined : value);
      return;
    }
  }

  #nameOf(letter: string): string {
    if (letter === "h") return "help";
    if (letter === "v") return "version";
    return Object.entries(this.#table).find(([, spec]) => spec.short === letter)?.[0] ?? letter;
  }

  #isSwitch(name: string): boolean {
    return name === "help" || name === "version" || this.#table[name]?.type === "bool";
  }

  #flag(name: string, written: string, value: string | undefined): void {
    if (name === "help" || name === "version") return this.#request(name);
    // The word that is no command is the mistake to talk about, not the flags after it.
    if (this.#unknownCommand !== undefined) return;
    const spec = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (spec === undefined) {
      // Without the value: it may be a secret behind a misspelt flag, and this is going to be shown.
      this.#flags.push(written === "--" ? "--=" : written);
      return;
    }
    if (spec.type === "bool") return this.#switch(name, value);
    const given = value ?? this.#left.shift();
    this.#flags.push(given === undefined ? `--${name}` : `--${name}=${given}`);
  }

  #request(name: "help" | "version"): void {
    if (name === "help") this.#help = true;
    else this.#version = true;
  }

  #switch(name: string, value: string | undefined): void {
    this.#flags.push(`--${name}=${value ?? "true"}`);
    if (name === "json") this.#json = value === undefined || /^(t|true|1)$/i.test(value);
    if (value !== undefined) return;
    const next = this.#left[0];
    if (next !== "false" && next !== "true") return;
    this.#left.shift();
    if (next === "false") this.#bareFalse.push(name);
  }

  #word(word: string): void {
    if (this.#unknownCommand !== undefined) return;
    if (this.#command?.subcommands !== undefined) return this.#subcommand(word);
    if (this.#command !== undefined) return this.#operand(word);
    if (word === "help" && this.#words.length === 0) {
      this.#help = true;
      return;
    }
    this.#words.push(word);
    const path = this.#words.join(" ");
    if (path === "cli" || path === "cli skychat" || path === "cli config") {
      this.#clientTree = true;
      return;
    }
    const name = path === "cli config gen-keys" ? "keygen" : word;
    this.#command = path.startsWith("cli config ") && name !== "keygen"
      ? undefined
      : findCommand(name);
    if (this.#command === undefined || (this.#clientTree && name === "app")) {
      this.#command = undefined;
      this.#unknownCommand = word;
    }
  }

  #subcommand(word: string): void {
    if (word === "help") {
      this.#help = true;
      return;
    }
    const found = this.#command?.subcommands?.find((spec) => wordOf(spec) === word);
    if (found === undefined) this.#unknownCommand = word;
    else this.#command = found;
  }

  #operand(word: string): void {
    const family = this.#command?.name === "app" && word === "skychat";
    if (family && this.#operands.length === 0) return;
    this.#operands.push(word);
  }
}
