/** Ends this process when its standard input ends: it never outlives the bench that started it. */
export async function stopWithParent(): Promise<never> {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
  Deno.exit(0);
}

/** Tells the bench that the server is ready and where. */
export function announce(ready: Record<string, unknown>): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(ready)}\n`));
}
