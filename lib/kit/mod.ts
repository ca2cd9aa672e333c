/**
 * Small things every layer needs: bytes, time, randomness, log lines, retry waits, errors with codes.
 *
 * The bottom of the tree: it knows nothing about chat and imports nothing. Read `#crypto` next. It
 * is the only place that touches timers, wall clocks and the operating system's generator; every
 * layer above is handed a {@link Clock}, a {@link Random} and a {@link Log}.
 *
 * @example
 * ```ts
 * import { concat, fromHex, toHex, utf8 } from "#kit";
 *
 * const greeting = concat(utf8("he"), utf8("llo"));
 * console.assert(toHex(greeting) === "68656c6c6f");
 * console.assert(fromHex("zz") === undefined);
 * ```
 *
 * @module
 */
export * from "./abort.ts";
export * from "./backoff.ts";
export * from "./byte_queue.ts";
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./duration.ts";
export * from "./errors.ts";
export * from "./log.ts";
export * from "./random.ts";
export * from "./rfc3339.ts";
