import { EXIT_OK, usageError } from "../errors.ts";
import { askGroup, type GroupCall, groupInfoOf, groupPath } from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import { noteUnstored } from "../group_notes.ts";
import { numberField, objectField, parseJsonObject } from "../json_view.ts";

const ON: readonly string[] = ["on", "true", "yes", "enable", "enabled"];
const OFF: readonly string[] = ["off", "false", "no", "disable", "disabled"];

/** Lets only admins write, or everybody again (groups.md 6.6). */
export async function readOnly(call: GroupCall): Promise<number> {
  const { id, on } = switchOf("readonly", call);
  const json = JSON.stringify({ read_only: on });
  const body = await askGroup(call, { path: groupPath(id, "readonly"), json }, { id });
  const { view } = groupInfoOf("readonly", body);
  printGroup(call, { body, lines: [`group ${id} is ${on ? "read-only" : "open"}`] });
  noteUnstored(call, view);
  return EXIT_OK;
}

/** Says who serves what was written before (groups.md 6.6). */
export async function peerBackfill(call: GroupCall): Promise<number> {
  const { id, on } = switchOf("peer-backfill", call);
  const json = JSON.stringify({ enabled: on });
  const body = await askGroup(call, { path: groupPath(id, "peer-backfill"), json }, { id });
  const { view } = groupInfoOf("peer-backfill", body);
  const served = on ? "any online member" : "admins only";
  printGroup(call, { body, lines: [`group ${id} history served by: ${served}`] });
  noteUnstored(call, view);
  return EXIT_OK;
}

/** Gives a private group another key (groups.md 6.6). */
export async function rotateKey(call: GroupCall): Promise<number> {
  const [id = ""] = takeOperands("rotate-key", { operands: call.operands, names: ["ID"] });
  const body = await askGroup(call, { path: groupPath(id, "rotate-key"), method: "POST" }, { id });
  const answer = parseJsonObject(body) ?? {};
  const { view, members } = groupInfoOf("rotate-key", objectField(answer, "info") ?? answer);
  const epoch = numberField(answer, "epoch") ?? numberField(view, "key_epoch") ?? 0;
  const sealed = numberField(answer, "recipients") ?? members.length;
  printGroup(call, {
    body,
    lines: [
      `group ${id} re-keyed`,
      `  key epoch: ${epoch}`,
      `  sealed for: ${sealed} member(s)`,
    ],
  });
  noteUnstored(call, view);
  return EXIT_OK;
}

/** Departs from a group (groups.md 6.6). */
export async function leave(call: GroupCall): Promise<number> {
  const [id = ""] = takeOperands("leave", { operands: call.operands, names: ["ID"] });
  const body = await askGroup(call, { path: groupPath(id, "leave"), method: "POST" }, { id });
  printGroup(call, { body, lines: [`left ${id}`] });
  return EXIT_OK;
}

/** Ends a group on this node (groups.md 6.6). */
export async function remove(call: GroupCall): Promise<number> {
  const [id = ""] = takeOperands("delete", { operands: call.operands, names: ["ID"] });
  const body = await askGroup(call, { path: groupPath(id), method: "DELETE" }, { id });
  printGroup(call, { body, lines: [`deleted ${id}`] });
  return EXIT_OK;
}

function switchOf(command: string, { operands }: GroupCall): { id: string; on: boolean } {
  const [id = "", word = ""] = takeOperands(command, { operands, names: ["ID", "on|off"] });
  const state = word.toLowerCase();
  if (!ON.includes(state) && !OFF.includes(state)) {
    throw usageError(`invalid state "${word}" (use on or off)`);
  }
  return { id, on: ON.includes(state) };
}
