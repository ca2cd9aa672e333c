/**
 * The floor of start-up and idle memory. With `idle` it waits for the end of its standard input.
 * For the compiled floor: `deno compile -o hello tests/bench/floor/hello.ts`, then SKYCHAT_HELLO_BIN=hello.
 */
Deno.stdout.writeSync(new TextEncoder().encode("hello\n"));
if (Deno.args[0] === "idle") {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
}
