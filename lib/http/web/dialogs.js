// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Questions to the person: one dialog, which Esc and a click beside it close. */
import { button, element, make } from "./dom.js";

/** @typedef {{ label: string, run: () => unknown, danger?: boolean }} Choice */

const dialog = element("dialog", HTMLDialogElement);

/**
 * @param {string} title
 * @param {readonly Node[]} content
 */
function show(title, content) {
  const heading = make("h2", "", title);
  heading.id = "dialog-title";
  dialog.replaceChildren(heading, ...content);
  if (!dialog.open) dialog.showModal();
}

/**
 * Offers some actions; the dialog is closed before the chosen one runs.
 *
 * @param {string} title
 * @param {readonly Choice[]} choices
 * @param {string} [note]
 */
export function choose(title, choices, note = "") {
  const list = make("div", "choices");
  for (const { label, run, danger } of choices) {
    list.append(button(danger ? "choice danger" : "choice", label, () => {
      dialog.close();
      run();
    }));
  }
  list.append(button("choice quiet", "Cancel", () => dialog.close()));
  show(title, note === "" ? [list] : [make("p", "note", note), list]);
}

/**
 * Asks for a line of text.
 *
 * @param {{ title: string, label: string, value?: string, confirm: string, note?: string, mayBeEmpty?: boolean, run: (text: string) => string | void | Promise<string | void> }} question
 *   `run` returns what is wrong with the answer, if anything
 */
export function ask({ title, label, value = "", confirm, note = "", mayBeEmpty, run }) {
  const field = make("input", "");
  field.id = "dialog-field";
  field.value = value;
  field.autocomplete = "off";
  field.spellcheck = false;
  field.required = mayBeEmpty !== true;
  const name = make("label", "", label);
  name.htmlFor = field.id;
  const problem = make("p", "problem");
  problem.setAttribute("role", "alert");
  const accept = make("button", "primary", confirm);
  accept.type = "submit";
  const row = make("div", "row", button("quiet", "Cancel", () => dialog.close()), accept);
  const form = make("form", "", name, field, make("p", "note", note), problem, row);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    accept.disabled = true;
    try {
      problem.textContent = await run(field.value) ?? "";
    } catch (error) {
      problem.textContent = messageOf(error);
    }
    accept.disabled = false;
    if (problem.textContent === "") dialog.close();
  });
  show(title, [form]);
  field.focus();
  field.select();
}

/**
 * Shows switches that take effect at once.
 *
 * @param {string} title
 * @param {readonly { label: string, on: boolean, set: (on: boolean) => unknown }[]} switches
 * @param {string} note
 */
export function settings(title, switches, note) {
  const rows = switches.map(({ label, on, set }) => {
    const box = make("input", "");
    box.type = "checkbox";
    box.checked = on;
    box.addEventListener("change", async () => {
      try {
        await set(box.checked);
      } catch (error) {
        box.checked = !box.checked;
        tell(messageOf(error));
      }
    });
    return make("label", "switch", box, make("span", "", label));
  });
  const close = button("primary", "Done", () => dialog.close());
  show(title, [...rows, make("p", "note", note), make("div", "row", close)]);
}

/** Says something for a few seconds. @param {string} text */
export function tell(text) {
  const toast = element("toast", HTMLElement);
  toast.textContent = text;
  toast.classList.remove("shown");
  // Read, so that the animation starts anew.
  void toast.offsetWidth;
  toast.classList.add("shown");
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    // Browsers give the clipboard to secure pages only; a selected field is the next best thing.
    ask({ title: "Copy", label: what, value: text, confirm: "Done", run: () => {} });
  }
}

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
