/**
 * Runs a task with an abort controller of its own, which also aborts when a parent does until the task settles.
 *
 * `AbortSignal.any` would do, but Deno 2.6, which executables may be built with, forgets the signal that it makes
 * when garbage is collected, also while somebody listens to it: the task would never hear of the abort.
 */
export async function withAbort<T>(
  parent: AbortSignal,
  task: (own: AbortController) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const follow = () => own.abort(parent.reason);
  if (parent.aborted) follow();
  parent.addEventListener("abort", follow);
  try {
    return await task(own);
  } finally {
    parent.removeEventListener("abort", follow);
  }
}
