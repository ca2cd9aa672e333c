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
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [value]
 * @property {string} [hint] shown while it is empty
 * @property {boolean} [mayBeEmpty]
 * @property {readonly (readonly [string, string])[]} [options] values and what they are called; free text without
 */

/**
 * @param {string} title
 * @param {readonly Node[]} content
 */
export function show(title, content) {
  const heading = make("h2", "", title);
  heading.id = "dialog-title";
  heading.dir = "auto";
  // Opened anew, it gives the focus to what is new in it.
  dialog.close();
  dialog.replaceChildren(heading, ...content);
  dialog.showModal();
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
  list.append(button("choice quiet", "Cancel", close));
  show(title, note === "" ? [list] : [make("p", "note", note), list]);
}

/** Whether the dialog shows this. @param {Node} content */
export function isShown(content) {
  return dialog.open && content.isConnected;
}

export function close() {
  dialog.close();
}

/**
 * Asks for a line of text.
 *
 * @param {{ title: string, label: string, value?: string, confirm: string, note?: string, mayBeEmpty?: boolean, run: (text: string) => string | void | Promise<string | void> }} question
 *   `run` returns what is wrong with the answer, if anything
 */
export function ask({ title, label, value = "", confirm, note = "", mayBeEmpty = false, run }) {
  form({
    ...{ title, confirm, note },
    fields: [{ name: "field", label, value, mayBeEmpty }],
    run: ({ field = "" }) => run(field),
  });
}

/**
 * Asks for several things.
 *
 * @param {{ title: string, fields: readonly Field[], confirm: string, note?: string, run: (values: Record<string, string>) => string | void | Promise<string | void> }} question
 *   `run` gets the values by name and returns what is wrong with them, if anything
 */
export function form({ title, fields, confirm, note = "", run }) {
  const inputs = fields.map((field) => ({ ...field, input: inputOf(field) }));
  const problem = make("p", "problem");
  problem.setAttribute("role", "alert");
  const accept = make("button", "primary", confirm);
  accept.type = "submit";
  const row = make("div", "row", button("quiet", "Cancel", close), accept);
  const rows = inputs.flatMap(({ label, input }) => {
    const name = make("label", "", label);
    name.htmlFor = input.id;
    return [name, input];
  });
  const made = make("form", "", ...rows, make("p", "note", note), problem, row);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    accept.disabled = true;
    try {
      const values = inputs.map(({ name, input }) => [name, input.value]);
      problem.textContent = await run(Object.fromEntries(values)) ?? "";
    } catch (error) {
      problem.textContent = messageOf(error);
    }
    accept.disabled = false;
    if (problem.textContent === "" && isShown(made)) dialog.close();
  });
  show(title, [made]);
  const first = inputs[0]?.input;
  first?.focus();
  if (first instanceof HTMLInputElement) first.select();
}

/** @param {Field} field */
function inputOf({ name, value = "", hint = "", mayBeEmpty, options }) {
  const input = make(options === undefined ? "input" : "select", "");
  input.id = `dialog-${name}`;
  if (input instanceof HTMLInputElement) {
    input.autocomplete = "off";
    input.spellcheck = false;
    input.placeholder = hint;
  } else {
    for (const [kind, called] of options ?? []) input.add(new Option(called, kind));
  }
  input.required = mayBeEmpty !== true;
  input.value = value || options?.[0]?.[0] || "";
  return input;
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

/**
 * A text to be taken elsewhere, with a button that copies it.
 *
 * @param {string} label
 * @param {string} text
 */
export function copyRow(label, text) {
  const field = make("input", "");
  field.value = text;
  field.readOnly = true;
  field.setAttribute("aria-label", label);
  field.addEventListener("focus", () => field.select());
  const copier = button("", "Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell(`${label} copied`);
    } catch {
      field.focus();
    }
  });
  copier.dataset.name = label;
  copier.setAttribute("aria-label", `Copy: ${label}`);
  return make("div", "copy", make("span", "quiet", label), field, copier);
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
