/** Opens a database whose commits fail on demand, before they are made or after. */
export function failingKv(
  failing: { now: "never" | "before" | "after" },
): (path: string) => Promise<Deno.Kv> {
  return async (path: string): Promise<Deno.Kv> => {
    const kv = await Deno.openKv(path);
    return new Proxy(kv, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name);
        if (name === "atomic") return () => failingOperation(target.atomic(), failing);
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
  };
}

function failingOperation(operation: Deno.AtomicOperation, failing: { now: string }) {
  const commit = operation.commit.bind(operation);
  operation.commit = async () => {
    if (failing.now === "before") throw new Error("disk full");
    const result = await commit();
    if (failing.now === "after") throw new Error("power cut");
    return result;
  };
  return operation;
}
