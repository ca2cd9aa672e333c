import { appState } from "./app_state.ts";
import type { SEND_FLAGS } from "./client_flags.ts";
import type { Call } from "./command.ts";
import { ControlClient } from "./control_client.ts";
import { commandWord } from "./group_notes.ts";
import { objectListField, textField } from "./json_view.ts";

/**
 * What to do about `send` without a recipient where the app runs a group, to which the writer may have
 * meant to write; undefined where it runs none, or nobody answers.
 */
export async function sendGroupHint(call: Call<typeof SEND_FLAGS>): Promise<string | undefined> {
  const state = await appState(ControlClient.of(call));
  const [group] = objectListField(state ?? {}, "groups");
  if (group === undefined) return undefined;
  return `to write to the group of this app: skychat group send ${
    commandWord(textField(group, "id"))
  } WORD...`;
}
