import type { ControlClient } from "./control_client.ts";
import { CliError } from "./errors.ts";
import { type JsonView, parseJsonObject } from "./json_view.ts";

/** What `/status` says; undefined when it says nothing, which is never a failure of its own. */
export async function appState(client: ControlClient): Promise<JsonView | undefined> {
  try {
    const { status, body } = await client.ask({ path: "/status" });
    return status === 200 ? parseJsonObject(body) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the app keeps messages; undefined when that is not known. */
export async function keepsMessages(client: ControlClient): Promise<boolean | undefined> {
  const kept = (await appState(client))?.["persistence_enabled"];
  return typeof kept === "boolean" ? kept : undefined;
}

/** The complaint about an app that keeps no messages (cli.md 7). */
export function noStore(hint?: string): CliError {
  return new CliError("persistence not enabled (start the app with --persist)", { hint });
}
